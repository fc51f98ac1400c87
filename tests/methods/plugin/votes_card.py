"""Cards of a third party's methods, without torch: one that works, and one whose module is missing."""

from dataclasses import replace

from pydantic import Field

from partbench.cards import Settings
from partbench.methods import MethodCard, Tunable


class VotesSettings(Settings):
    """Rates."""

    learning_rate: float = Field(3e-2, gt=0, description="Adam rate")


VOTES = MethodCard(
    name="votes", title="Votes", implementation="votes:Votes", settings=VotesSettings,
    maps="votes of the patches for the target class", class_specific=True,
    tunables={"learning_rate": Tunable(low=1e-4, high=1e-1, log=True)},
    variants={"slow": {"learning_rate": 1e-2}})

UNLOADABLE = replace(VOTES, name="unloadable", implementation="votes_of_nobody:Votes")
