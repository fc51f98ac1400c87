"""Card of E2VPT."""

from pydantic import Field

from .base import MethodCard, Tunable
from .vpt import VPTDeepSettings


class E2VPTSettings(VPTDeepSettings):
    """VPT-Deep's, and E2VPT's own. The public recipe trains a grid of pruning shares; here each has one."""

    prompts: int = Field(10, ge=1, description="visual prompts of every block before pruning; the first ten "
                                               "that are left in the last block are part maps")
    key_values: int = Field(5, ge=0, description="key-value prompts of every block and head")
    share_key_values: bool = Field(True, description="one tensor is both keys and values; else one for each")
    prune_tokens: float = Field(0.3, ge=0, lt=1, description="share of the visual prompts that is removed")
    prune_segments: float = Field(0.25, ge=0, le=0.75, description="share of each prompt's 16 segments that is removed")
    learning_share: float = Field(1 / 3, gt=0, lt=1, description="share of the epochs before pruning; one half in the "
                                                                 "public recipe, which trains 100 epochs twice")


E2VPT = MethodCard(
    name="e2vpt",
    title="E2VPT",
    implementation="partbench.methods.e2vpt:E2VPT",
    paper="""@inproceedings{han2023e2vpt,
  title={E2VPT: An Effective and Efficient Approach for Visual Prompt Tuning},
  author={Han, Cheng and Wang, Qifan and Cui, Yiming and Cao, Zhiwen and Wang, Wenguan and Qi, Siyuan
          and Liu, Dongfang},
  booktitle={ICCV}, year={2023}, note={arXiv:2307.13770}}""",
    settings=E2VPTSettings,
    maps="attention of every visual prompt that pruning left over the patches in the last block, mean over heads, "
         "renormalised over patches; key-value prompts ask nothing and have no map",
    tunables={
        "prompts": Tunable(2, 100, log=True, integer=True),
        "key_values": Tunable(0, 20, integer=True),
        "prune_tokens": Tunable(0, 0.8),
        "prune_segments": Tunable(0, 0.75),
        "dropout": Tunable(0, 0.5),
        "learning_rate": Tunable(1e-3, 1, log=True),
        "weight_decay": Tunable(1e-5, 1e-2, log=True),
    },
    step_cost=2.1,
    epochs={"quick": 11, "default": 25, "paper": 200},
    published={"start": "random", "learning_share": 0.5},
    quick_batch_size=8,
    variants={"unpruned": {"prune_tokens": 0.0, "prune_segments": 0.0}},
    batch_coupled=False,
    shares_batches=True,
)
