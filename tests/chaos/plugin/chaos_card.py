"""Cards of a third party's method that breaks in every way a run can break: see chaos_method.py."""

from typing import Literal

from pydantic import Field

from partbench.cards import Settings
from partbench.methods import MethodCard

FAULTS = ("sleep", "memory", "nan", "segfault", "raises", "exits", "killed_once", "full_disk", "large_batch")
"""What a variant of the same name does in its second epoch."""
LANES = 40


class ChaosSettings(Settings):
    fault: Literal["none", *FAULTS] = Field("none", description="what breaks")
    lane: int = Field(0, ge=0, description="no effect but that of being another run")


CHAOS = MethodCard(
    name="chaos", title="Chaos", implementation="chaos_method:Chaos", settings=ChaosSettings,
    maps="channels of the picture, averaged to 4 x 4",
    variants={**{fault: {"fault": fault} for fault in FAULTS}, **{f"lane{n}": {"lane": n} for n in range(1, LANES)}})
ABSENT = MethodCard(
    name="chaos_absent", title="Chaos that cannot be imported", implementation="chaos_absent:Absent",
    settings=ChaosSettings, maps="none")
