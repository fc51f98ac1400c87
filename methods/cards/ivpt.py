"""Card of IVPT."""

from typing import Literal

from pydantic import Field, field_validator

from .base import Ladder, MethodCard, Prefix, Tunable
from .part_shaping import BATCH_COUPLED, PAPER, TUNABLES, PartShapingSettings


class IVPTSettings(PartShapingSettings):
    """Defaults are the paper's; loss weights are all one there."""

    prototypes: tuple[int, ...] = Field(
        (17, 14, 11, 8, 5), description="prototypes per level, fine to coarse, each with one background prototype; "
                              "designs with one level take the last count")
    design: Literal["last_layer", "bias", "regions", "cross_layer", "grouped"] = Field(
        "grouped", description="row of the paper's ablation; grouped is IVPT")
    train_embeddings: bool = Field(
        False, description="train the class token, registers and position embeddings too, as the public code does")
    grouping_noise: bool = Field(True, description="Gumbel noise on the grouping of prototypes while training")
    consistency: float = Field(1.0, ge=0, description="weight of the KL from the final map to the grouped maps")

    @field_validator("prototypes")
    @classmethod
    def _levels(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value:
            raise ValueError("at least one level of prototypes")
        if min(value) < 2:
            raise ValueError("every level needs at least 2 prototypes: one part and the background")
        return value


def _prompts(design: str) -> bool:
    return design in ("cross_layer", "grouped")


def _groups(design: str) -> bool:
    return design == "grouped"


def _several(prototypes: tuple[int, ...]) -> bool:
    return len(prototypes) > 1


def _prefix(settings: IVPTSettings) -> Prefix | None:
    if settings.train_embeddings:
        return None
    return Prefix(len(settings.prototypes) - 1 if _prompts(settings.design) else 0, bool(settings.equivariance))


IVPT = MethodCard(
    name="ivpt",
    title="IVPT",
    implementation="partbench.methods.ivpt:IVPT",
    paper=PAPER,
    settings=IVPTSettings,
    maps="softmax assignment of every patch to the prototypes of a level, background excluded; "
         "`final` holds the concepts that classify, `public` the level that the public code scores",
    tunables={
        # Every level but the last prompts a block. With steps twice the paper's, few ladders meet the largest count.
        "prototypes": Ladder(low=2, high=25, step=6, fewest=1, most=5, levels_where={"design": _prompts}),
        "consistency": Tunable(low=0.03, high=30, log=True, where={"design": _groups, "prototypes": _several}),
        **TUNABLES,
    },
    epochs={"quick": 11, "default": 25, "paper": 25},
    step_cost=1.8,
    step_costs={"public": 3.5, "last_layer": 1.0, "bias": 1.0, "regions": 1.0, "cross_layer": 1.8},
    quick={"prototype_rate": 0.004},
    quick_batch_size=8,
    batch_coupled=BATCH_COUPLED,
    shares_batches=True,
    prefix=_prefix,
    variants={
        "public": {"train_embeddings": True},
        "last_layer": {"design": "last_layer"},
        "bias": {"design": "bias"},
        "regions": {"design": "regions"},
        "cross_layer": {"design": "cross_layer"},
    },
)
