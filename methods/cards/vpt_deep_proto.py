"""Card of VPT-Deep with prototypes."""

from typing import Literal

from pydantic import Field

from ...cards import Settings
from .base import MethodCard, Tunable


class VPTDeepProtoSettings(Settings):
    """No paper gives this row's settings: the prompts are VPT-Deep's, the rest is IVPT's."""

    prompts: int = Field(10, ge=1, description="prompts of every block")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout on the prompts, a mask per image and block")
    start: Literal["patches", "random"] = Field(
        "patches", description="each block's prompts start as patches that enter it on training images, or at random")
    parts: int = Field(10, ge=1, description="part prototypes; one of the background comes on top")
    part_dropout: float = Field(0.3, ge=0, lt=1, description="share of the parts left out of the logits in training")
    classification: float = Field(1.0, ge=0, description="weight of the cross-entropy")
    presence: float = Field(1.0, ge=0, description="weight of foreground presence")
    background_presence: float = Field(1.0, ge=0, description="weight of background presence near the border")
    entropy: float = Field(1.0, ge=0, description="weight of the per-patch entropy")
    total_variation: float = Field(1.0, ge=0, description="weight of total variation")
    equivariance: float = Field(1.0, ge=0, description="weight of equivariance under an affine warp")
    orthogonality: float = Field(1.0, ge=0, description="weight of orthogonality of the part features")
    prompt_rate: float = Field(3e-3, gt=0, description="Adam rate of the prompts")
    prototype_rate: float = Field(2e-4, gt=0, description="Adam rate of prototypes and bias maps")
    head_rate: float = Field(1e-2, gt=0, description="Adam rate of modulation and classifier")


_WEIGHTS = ("classification", "presence", "background_presence", "entropy", "total_variation", "equivariance",
            "orthogonality")

VPT_DEEP_PROTO = MethodCard(
    name="vpt_deep_proto",
    title="VPT-Deep with prototypes",
    implementation="partbench.methods.vpt_deep_proto:VPTDeepProto",
    paper="""@inproceedings{wang2026ivpt,
  title={Exploring Interpretability for Visual Prompt Tuning with Cross-layer Concepts},
  author={Wang, Yubin and Jiang, Xinyang and Cheng, De and Zhao, Xiangqian and Wang, Zilong and Li, Dongsheng
          and Zhao, Cairong},
  booktitle={ICLR}, year={2026}, note={arXiv:2503.06084; baseline of its comparison}}""",
    settings=VPTDeepProtoSettings,
    maps="softmax assignment of every patch after the last block to the part prototypes, background excluded",
    tunables={
        "prompts": Tunable(1, 50, integer=True),
        "parts": Tunable(2, 30, integer=True),
        "part_dropout": Tunable(0, 0.6),
        **dict.fromkeys(_WEIGHTS, Tunable(low=0.03, high=30, log=True)),
        "prompt_rate": Tunable(1e-5, 1e-1, log=True),
        "prototype_rate": Tunable(1e-5, 1e-2, log=True),
        "head_rate": Tunable(1e-4, 1e-1, log=True),
    },
    step_cost=2.8,
    epochs={"quick": 11, "default": 25, "paper": 25},
    quick={"prototype_rate": 0.004},
    quick_batch_size=8,
)
