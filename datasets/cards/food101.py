"""Card of Food-101."""

from .base import Archive, DatasetCard, Source

CARD = DatasetCard(
    name="food101",
    title="Food-101",
    implementation="partbench.datasets.food101:read",
    fingerprint="partbench.datasets.food101:fingerprint",
    layout="images/, meta/classes.txt, meta/train.txt, meta/test.txt",
    paper="""@inproceedings{bossard2014food,
  title={Food-101 -- Mining Discriminative Components with Random Forests},
  author={Bossard, Lukas and Guillaumin, Matthieu and Van Gool, Luc},
  booktitle={ECCV}, year={2014}}""",
    counts={"classes": 101, "parts": 0, "train": 75750, "test": 25250},
    source=Source(
        page="https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/",
        licence="The pictures come from Foodspotting and do not belong to ETH Zurich: beyond scientific fair use, ask "
                "their owners.",
        archives=(Archive(url="http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz", size=4_996_278_331,
                          checksum="md5:85eeb15f3717b99a5da872d97d918f87", strip=1),),
    ),
)
