"""Card of VPT-Deep with prototypes."""

from typing import Literal

from pydantic import Field

from .base import MethodCard, Tunable
from .part_shaping import BATCH_COUPLED, PAPER, TUNABLES, PartShapingSettings


class VPTDeepProtoSettings(PartShapingSettings):
    """No paper gives this row's settings: the prompts are VPT-Deep's, the rest is IVPT's."""

    prompts: int = Field(10, ge=1, description="prompts of every block")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout on the prompts, a mask per image and block")
    start: Literal["patches", "random"] = Field(
        "patches", description="each block's prompts start as patches that enter it on training images, or at random")
    parts: int = Field(10, ge=1, description="part prototypes; one of the background comes on top")
    part_dropout: float = Field(0.3, ge=0, lt=1, description="share of the parts left out of the logits in training")
    prompt_rate: float = Field(3e-3, gt=0, description="Adam rate of the prompts")


VPT_DEEP_PROTO = MethodCard(
    name="vpt_deep_proto",
    title="VPT-Deep with prototypes",
    version=2,
    implementation="partbench.methods.vpt_deep_proto:VPTDeepProto",
    paper=PAPER,
    settings=VPTDeepProtoSettings,
    maps="softmax assignment of every patch after the last block to the part prototypes, background excluded",
    tunables={
        "prompts": Tunable(2, 100, log=True, integer=True),
        "dropout": Tunable(0, 0.5),
        "parts": Tunable(2, 30, integer=True),
        "part_dropout": Tunable(0, 0.6),
        **TUNABLES,
        "prompt_rate": Tunable(1e-4, 0.1, log=True),
    },
    step_cost=2.8,
    epochs={"quick": 11, "default": 25, "paper": 25},
    quick={"prototype_rate": 0.004},
    published={"start": "random"},
    quick_batch_size=8,
    batch_coupled=BATCH_COUPLED,
    shares_batches=True,
)
