"""What a search's kept setting scored on test beside the paper's. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

from .wording import listed


@dataclass(frozen=True)
class Difference:
    """One metric on test, in its own unit: means over seeds of the paper's setting and of the kept one.

    Attributes:
        found: None where the paper's setting was kept.
        difference: the kept setting minus the paper's; None where the two are not compared class by class.
        low, high: its 95 % interval, over classes and seeds.
        p_value: of the paired test on the same classes.
    """

    metric: str
    paper: float
    found: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None

    @property
    def told_apart(self) -> bool:
        """Whether the test says that the two differ."""
        return self.p_value is not None and self.p_value < 0.05


@dataclass(frozen=True)
class Tested:
    """One look at test.

    Attributes:
        trial: whose setting was tested; 0 is the paper's, which then stands alone.
        select: the rule that kept it.
        seeds: of the runs.
        epochs: of the runs.
        runs: their ids.
    """

    trial: int
    select: str
    seeds: tuple[int, ...]
    epochs: int
    runs: tuple[str, ...]
    differences: tuple[Difference, ...]


def looks(tests: Sequence[Tested]) -> str:
    """How many settings of the search were tested, where that is more than one; else nothing."""
    trials = sorted({test.trial for test in tests})
    if len(trials) < 2:
        return ""
    return (f"{len(trials)} settings of this search were tested (trials {listed(list(map(str, trials)))}): the best of "
            "several tests is optimistic, too; report all of them")
