"""Card of PartImageNet."""

from typing import Literal

from pydantic import Field

from ...cards import Settings
from .base import DatasetCard, Source


class PartImageNetSettings(Settings):
    """Which of the two releases is read, and how its pictures are labelled."""

    split: Literal["seg", "ood"] = Field(
        "seg", description="seg: training, validation and test set share their classes; ood: they do not")
    labels: Literal["class", "supercategory"] = Field(
        "class", description="158 ImageNet classes (with ood those of the training set only), or 11 supercategories")


CARD = DatasetCard(
    name="part_imagenet",
    title="PartImageNet",
    implementation="partbench.datasets.part_imagenet:read",
    fingerprint="partbench.datasets.part_imagenet:fingerprint",
    settings=PartImageNetSettings,
    layout="annotations/{train,val,test}/{train,val,test}.json (or annotations/*.json, or *.json) and "
           "images/{train,val,test}/ (or {train,val,test}/), directly or in PartImageNet_Seg/ and PartImageNet_OOD/",
    paper="""@inproceedings{he2022partimagenet,
  title={PartImageNet: A Large, High-Quality Dataset of Parts},
  author={He, Ju and Yang, Shuo and Yang, Shaokang and Kortylewski, Adam and Yuan, Xiaoding and Chen, Jie-Neng and
          Liu, Shuai and Yang, Cheng and Yu, Qihang and Yuille, Alan},
  booktitle={ECCV}, year={2022}}""",
    counts={"classes": 158, "parts": 40},
    source=Source(
        page="https://github.com/TACJu/PartImageNet",
        licence="The pictures are ImageNet's: non-commercial research and education only.",
        form="download PartImageNet_Seg.zip or PartImageNet_OOD.zip from "
             "https://huggingface.co/datasets/turkeyju/PartImageNet, and unpack it, and the archives inside it, into "
             "the data set's folder",
    ),
)
