"""Card of Gleason 2019."""

from typing import Literal

from pydantic import Field

from ...cards import Settings
from .base import DatasetCard, Source


class Gleason2019Settings(Settings):
    """How cores are labelled and split, and the size at which they are read."""

    labels: Literal["primary", "highest"] = Field(
        "primary", description="the cancer grade that covers most of a core, or its highest; without cancer benign")
    max_side: int = Field(1024, ge=16, le=8192, description="longer side of a picture as it is read, pixels")
    test_share: float = Field(0.2, gt=0, lt=1, description="part of each class that is the test set")
    seed: int = Field(0, ge=0, description="of the choice of test pictures")


CARD = DatasetCard(
    name="gleason2019",
    title="Gleason 2019",
    implementation="partbench.datasets.gleason2019:read",
    fingerprint="partbench.datasets.gleason2019:fingerprint",
    settings=Gleason2019Settings,
    layout="'Train Imgs/' with slide*_core*.jpg, and Maps1_T/ to Maps6_T/, one for each pathologist, with "
           "<picture>_classimg_nonconvex.png",
    paper="""@article{nir2018automatic,
  title={Automatic grading of prostate cancer in digitized histopathology images: Learning from multiple experts},
  author={Nir, Guy and Hor, Soheil and Karimi, Davood and Fazli, Ladan and Skinnider, Brian F. and Tavassoli, Peyman
          and Turbin, Dmitry and Villamil, Carlos F. and Wang, Gang and Wilson, R. Storey and Iczkowski, Kenneth A. and
          Lucia, M. Scott and Black, Peter C. and Abolmaesumi, Purang and Goldenberg, S. Larry and
          Salcudean, Septimiu E.},
  journal={Medical Image Analysis}, volume={50}, pages={167--180}, year={2018}}""",
    counts={"parts": 4},
    source=Source(
        page="https://gleason2019.grand-challenge.org/",
        licence="Research use as agreed on registration for the challenge.",
        form="register at https://gleason2019.grand-challenge.org/Register/, download 'Train Imgs.zip' and "
             "Maps1_T.zip to Maps6_T.zip, and unpack them side by side into the data set's folder",
    ),
)
