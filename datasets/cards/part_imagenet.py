"""Card of PartImageNet."""

from typing import Literal

from ...cards import Settings
from .base import DatasetCard, Source


class PartImageNetSettings(Settings):
    """``split``: ``"seg"``, whose sets share their classes, or ``"ood"``, whose sets do not. ``labels``: 158 ImageNet
    classes, or 11 supercategories; with ``split="ood"``, ``"class"`` keeps the classes of the training set only."""

    split: Literal["seg", "ood"] = "seg"
    labels: Literal["class", "supercategory"] = "class"


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
