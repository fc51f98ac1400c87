"""Card of the Oxford-IIIT Pet data set."""

from typing import Literal

from pydantic import Field

from ...cards import Settings
from .base import Archive, DatasetCard, Source


class OxfordPetsSettings(Settings):
    """What a picture is labelled with, and what its box surrounds."""

    labels: Literal["breed", "species"] = Field("breed", description="37 breeds, or cat and dog")
    box: Literal["object", "head"] = Field(
        "object", description="around the whole animal, or around its head where that is annotated")


CARD = DatasetCard(
    name="oxford_pets",
    title="Oxford-IIIT Pet",
    implementation="partbench.datasets.oxford_pets:read",
    fingerprint="partbench.datasets.oxford_pets:fingerprint",
    settings=OxfordPetsSettings,
    layout="images/, annotations/trainval.txt, annotations/test.txt, annotations/trimaps/, annotations/xmls/",
    paper="""@inproceedings{parkhi2012cats,
  title={Cats and Dogs},
  author={Parkhi, Omkar M. and Vedaldi, Andrea and Zisserman, Andrew and Jawahar, C. V.},
  booktitle={CVPR}, year={2012}}""",
    counts={"classes": 37, "parts": 1, "train": 3680, "test": 3669},
    source=Source(
        page="https://www.robots.ox.ac.uk/~vgg/data/pets/",
        licence="Creative Commons Attribution-ShareAlike 4.0; the photographs belong to their authors.",
        archives=(
            Archive(url="https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz",
                    checksum="md5:5c4f3ee8e5d25df40f4fd59a7f44e54c"),
            Archive(url="https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz",
                    checksum="md5:95a8c909bbe2e81eed6a22bccdf3f68f"),
        ),
    ),
)
