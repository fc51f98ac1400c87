"""Cards of VPT-Shallow and VPT-Deep."""

from typing import Literal

from pydantic import Field

from ...cards import Settings
from .base import MethodCard, Tunable


class VPTSettings(Settings):
    """The paper searches rate and weight decay for every data set; ours are for all."""

    prompts: int = Field(10, ge=1, description="prompts; the first ten are part maps. The paper's choice for CUB: 100")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout on the prompts, a mask per image")
    start: Literal["patches", "random"] = Field(
        "random", description="prompts start at random, as published, or as patches of training images")
    learning_rate: float = Field(
        0.01, gt=0, description="SGD rate of prompts and head at 16 images a step. The paper's rates are b x images a "
                                "step / 256, with b searched from 0.1 to 50 for each data set; here b is 0.16")
    weight_decay: float = Field(1e-4, ge=0, description="on all but the head's bias; the paper's search: 0 to 0.01")


class VPTDeepSettings(VPTSettings):
    """As VPT-Shallow, but for the defaults."""

    prompts: int = Field(10, ge=1, description="prompts of every block; the last block's first ten are part maps. "
                                               "10 is the paper's choice for CUB")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout on the prompts, a mask per image and block")
    start: Literal["patches", "random"] = Field(
        "patches", description="each block's prompts start as patches that enter it on training images, or at random, "
                               "as published: random ones draw nearly all attention of small backbones")


_PAPER = """@inproceedings{jia2022vpt,
  title={Visual Prompt Tuning},
  author={Jia, Menglin and Tang, Luming and Chen, Bor-Chun and Cardie, Claire and Belongie, Serge
          and Hariharan, Bharath and Lim, Ser-Nam},
  booktitle={ECCV}, year={2022}, note={arXiv:2203.12119}}"""
_TUNABLES = {
    "prompts": Tunable(2, 100, log=True, integer=True),
    "dropout": Tunable(0, 0.5),
    "learning_rate": Tunable(1e-3, 1, log=True),
    "weight_decay": Tunable(1e-5, 1e-2, log=True),
}
_EPOCHS = {"quick": 11, "default": 25, "paper": 100}

VPT_SHALLOW = MethodCard(
    name="vpt_shallow",
    title="VPT-Shallow",
    implementation="partbench.methods.vpt:VPTShallow",
    paper=_PAPER,
    settings=VPTSettings,
    maps="attention of the prompts, as they have evolved, to the patches in the last block: mean over heads, "
         "renormalised over patches; attention that nobody trained to find parts",
    tunables=_TUNABLES,
    step_cost=2.3,
    epochs=_EPOCHS,
    quick_batch_size=8,
    batch_coupled=False,
    shares_batches=True,
)

VPT_DEEP = MethodCard(
    name="vpt_deep",
    title="VPT-Deep",
    implementation="partbench.methods.vpt:VPTDeep",
    paper=_PAPER,
    settings=VPTDeepSettings,
    maps="attention of the last block's prompts to the patches: mean over heads, renormalised over patches; attention "
         "that nobody trained to find parts",
    tunables=_TUNABLES,
    step_cost=2.0,
    epochs=_EPOCHS,
    published={"start": "random"},
    quick_batch_size=8,
    batch_coupled=False,
    shares_batches=True,
)
