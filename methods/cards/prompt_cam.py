"""Card of Prompt-CAM."""

from typing import Annotated, Literal

from pydantic import Field

from ...cards import Settings
from .base import MethodCard, Prefix, Tunable


class PromptCAMSettings(Settings):
    """The public recipe is SGD from random prompts; its basin is narrow, so ours was chosen on a validation split."""

    depth: Literal["deep", "shallow"] = Field(
        "deep", description="deep: class prompts in the last block only; shallow: from the first block on")
    agnostic_prompts: Annotated[int, Field(ge=0)] | Literal["classes"] = Field(
        10, description="class-agnostic prompts of each earlier block; 'classes': as many as classes")
    isolate: bool = Field(False, description="a class prompt attends to itself and the image, not to its siblings")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout on the prompts, one mask per step")
    top_heads: int = Field(4, ge=1, description="heads that make up the saliency, by greedy ranking")
    start: Literal["class_token", "random"] = Field(
        "class_token", description="class prompts start at the mean class token of the training images and "
                                   "class-agnostic ones as patches of them, or all at random: random ones draw "
                                   "attention to each other and tend to collapse")
    learning_rate: float = Field(1e-2, gt=0, description="AdamW rate of class prompts and head")
    agnostic_rate: float = Field(1e-3, gt=0, description="AdamW rate of the class-agnostic prompts")
    weight_decay: float = Field(1e-3, ge=0)


def _deep(depth: str) -> bool:
    return depth == "deep"


def _prefix(settings: PromptCAMSettings) -> Prefix | None:
    return Prefix(left=1) if _deep(settings.depth) and settings.agnostic_prompts == 0 else None


PROMPT_CAM = MethodCard(
    name="prompt_cam",
    title="Prompt-CAM",
    implementation="partbench.methods.prompt_cam:PromptCAM",
    paper="""@inproceedings{chowdhury2025promptcam,
  title={Prompt-CAM: Making Vision Transformers Interpretable for Fine-Grained Analysis},
  author={Chowdhury, Arpita and others},
  booktitle={CVPR}, year={2025}, note={arXiv:2501.09333}}""",
    version=2,
    settings=PromptCAMSettings,
    maps="attention heads of the target class's prompt in the last block, renormalised over patches",
    class_specific=True,
    tunables={
        "agnostic_prompts": Tunable(0, 50, integer=True, where={"depth": _deep}),
        "dropout": Tunable(0, 0.5),
        "learning_rate": Tunable(3e-4, 0.3, log=True),
        "agnostic_rate": Tunable(3e-5, 0.03, log=True, where={"depth": _deep, "agnostic_prompts": bool}),
        "weight_decay": Tunable(1e-5, 1e-1, log=True),
    },
    epochs={"quick": 11, "default": 25, "paper": 130},
    step_cost=2.3,
    step_costs={"faithful": 2.8, "shallow": 5.2},
    quick_batch_size=4,
    batch_coupled=False,
    shares_batches=True,
    prefix=_prefix,
    variants={
        "faithful": {"agnostic_prompts": "classes"},
        "shallow": {"depth": "shallow"},
        "isolate": {"isolate": True},
    },
)
