"""Card of NABirds."""

from typing import Literal

from pydantic import Field

from ...cards import Settings
from .base import DatasetCard, Source


class NABirdsSettings(Settings):
    """Options of NABirds.

    Attributes:
        labels: the level of hierarchy.txt that is classified: ``"category"``, the 555 leaves, which tell adults from
            young and males from females of one species where they look different; ``"species"``, which joins those;
            ``"family"``; or ``"order"``, the groups right below "Birds". Except on the leaves, a class is a node of
            the hierarchy with the images of all leaves below it.
    """

    labels: Literal["category", "species", "family", "order"] = Field(
        "category", description="level of the hierarchy: category is the usual 555 classes, the others join them")


CARD = DatasetCard(
    name="nabirds",
    title="NABirds",
    implementation="partbench.datasets.nabirds:read",
    fingerprint="partbench.datasets.nabirds:fingerprint",
    settings=NABirdsSettings,
    layout="images/, images.txt, image_class_labels.txt, train_test_split.txt, bounding_boxes.txt, classes.txt, "
           "hierarchy.txt, parts/parts.txt, parts/part_locs.txt",
    paper="""@inproceedings{vanhorn2015nabirds,
  title={Building a Bird Recognition App and Large Scale Dataset With Citizen Scientists: The Fine Print in
         Fine-Grained Dataset Collection},
  author={Van Horn, Grant and Branson, Steve and Farrell, Ryan and Haber, Scott and Barry, Jessie and Ipeirotis, Panos
          and Perona, Pietro and Belongie, Serge},
  booktitle={CVPR}, year={2015}}""",
    counts={"classes": 555, "parts": 11, "train": 23929, "test": 24633},
    source=Source(
        page="https://dl.allaboutbirds.org/nabirds",
        licence="For non-commercial research and education, under the Cornell Lab of Ornithology's terms of use; the "
                "photographs belong to their authors.",
        form="Agree to the terms on https://dl.allaboutbirds.org/nabirds, download nabirds.tar.gz (md5 "
             "df21a9e4db349a14e2b08adfd45873bd), unpack it, and give the folder 'nabirds' that holds images.txt as "
             "--data-root",
    ),
)
