"""Card of ProtoPNet."""

from typing import Literal

from pydantic import Field

from .base import MethodCard, Tunable
from .patch_prototypes import TUNABLES, VARIANTS, PatchPrototypeSettings, frozen_prefix


class ProtoPNetSettings(PatchPrototypeSettings):
    """Defaults are those of the public code but for ``start`` and ``last_layer_share``; ``feature_rate`` and
    ``layer_decay`` matter where the backbone is fine-tuned."""

    dimension: int = Field(128, ge=1, description="channels of the add-on layers and of the prototypes")
    cluster: float = Field(0.8, ge=0, description="weight of the distance to the nearest prototype of the class")
    separation: float = Field(0.08, ge=0, description="weight of the distance to the nearest other prototype")
    sparsity: float = Field(1e-4, ge=0, description="weight of the L1 norm of the last layer between classes")
    last_layer_rate: float = Field(1e-4, gt=0, description="Adam rate of the last layer, in its own stages")
    start: Literal["patches", "uniform"] = Field(
        "patches", description="prototypes start uniform in [0, 1], as published, or with a push from there: uniform "
                               "ones spend most of a short budget on reaching the features")
    last_layer_share: float | None = Field(None, ge=0, lt=1, description="share of the epochs that the last layer has "
                                           "for itself; None: a fifth, and the published 60 of 91 from 91 epochs on")


PROTOPNET = MethodCard(
    name="protopnet",
    title="ProtoPNet",
    implementation="partbench.methods.protopnet:ProtoPNet",
    paper="""@inproceedings{chen2019protopnet,
  title={This Looks Like That: Deep Learning for Interpretable Image Recognition},
  author={Chen, Chaofan and Li, Oscar and Tao, Chaofan and Barnett, Alina Jade and Su, Jonathan and Rudin, Cynthia},
  booktitle={NeurIPS}, year={2019}, note={arXiv:1806.10574}}""",
    settings=ProtoPNetSettings,
    maps="log similarity of every patch to each prototype of the target class; prototypes are training patches",
    class_specific=True,
    convolutional=True,
    tunables={
        **TUNABLES,
        "sparsity": Tunable(3e-6, 3e-3, log=True),
        "last_layer_rate": Tunable(3e-6, 3e-3, log=True),
    },
    step_cost=0.5,
    step_costs={"finetune": 2.7},
    # The paper's 91 epochs to the last pass after the push at epoch 30 go over 30 stored augmentations of every image.
    epochs={"quick": 11, "default": 25, "paper": 2730},
    published={"start": "uniform"},
    variants=VARIANTS,
    batch_coupled=False,
    shares_batches=True,
    prefix=frozen_prefix,
)
