"""Card of BIRDS 525."""

from typing import Literal

from pydantic import Field

from ...cards import Settings
from .base import DatasetCard, Source


class Birds525Settings(Settings):
    """Options of BIRDS 525.

    Attributes:
        labels: ``"species"``, one class per folder, or ``"genus"``, the first word of the scientific name in
            birds.csv. A species that birds.csv gives no scientific name stays a class of its own.
    """

    labels: Literal["species", "genus"] = Field("species", description="genus: by the scientific name in birds.csv")


CARD = DatasetCard(
    name="birds525",
    title="BIRDS 525 SPECIES",
    implementation="partbench.datasets.birds525:read",
    fingerprint="partbench.datasets.birds525:fingerprint",
    settings=Birds525Settings,
    layout="train/, valid/ and test/ with a folder per species, and birds.csv where --labels genus is wanted",
    paper="""@misc{piosenka2023birds,
  title={BIRDS 525 SPECIES - Image Classification},
  author={Piosenka, Gerald}, howpublished={Kaggle, gpiosenka/100-bird-species}, year={2023}}""",
    counts={"classes": 525, "parts": 0, "train": 84635, "val": 2625, "test": 2625},
    source=Source(
        page="https://www.kaggle.com/datasets/gpiosenka/100-bird-species",
        licence="Stated on the page; the pictures were collected by web search and belong to their authors.",
        form="Kaggle wants an account: sign in, download the archive from "
             "https://www.kaggle.com/datasets/gpiosenka/100-bird-species, unpack it, and give the folder that holds "
             "train/, valid/, test/ and birds.csv as --data-root",
    ),
)
