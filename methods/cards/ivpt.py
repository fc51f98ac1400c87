"""Card of IVPT."""

from typing import Literal

from pydantic import Field, field_validator

from .base import MethodCard, Tunable
from .part_shaping import PAPER, TUNABLES, PartShapingSettings


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


# Even ladders that do not rise towards the output, for one to five levels; the first of five levels is the paper's.
_LADDERS = ((17, 14, 11, 8, 5), (9, 8, 7, 6, 5), (25, 21, 17, 13, 9), (14, 11, 8, 5), (25, 19, 13, 7), (11, 8, 5),
            (17, 13, 9), (8, 5), (17, 9), (3,), (5,), (9,), (17,))

IVPT = MethodCard(
    name="ivpt",
    title="IVPT",
    implementation="partbench.methods.ivpt:IVPT",
    paper=PAPER,
    settings=IVPTSettings,
    maps="softmax assignment of every patch to the prototypes of a level, background excluded; "
         "`final` holds the concepts that classify, `public` the level that the public code scores",
    tunables={
        "prototypes": Tunable(choices=_LADDERS),
        "consistency": TUNABLES["classification"],
        **TUNABLES,
    },
    epochs={"quick": 11, "default": 25, "paper": 25},
    step_cost=2.7,
    step_costs={"public": 3.5, "last_layer": 2.0, "bias": 2.0, "regions": 2.0, "cross_layer": 2.6},
    quick={"prototype_rate": 0.004},
    quick_batch_size=8,
    variants={
        "public": {"train_embeddings": True},
        "last_layer": {"design": "last_layer"},
        "bias": {"design": "bias"},
        "regions": {"design": "regions"},
        "cross_layer": {"design": "cross_layer"},
    },
)
