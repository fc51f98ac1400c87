"""A budget of time: a run that would not end within it is left for another command."""

import time
from collections.abc import Callable

from ..durations import in_words
from ..plan import Job

_NAMED = 5  # runs that are named one by one


class BudgetSpent(Exception):
    """There was no time for all the trials that choose learning rates, and so none for the runs that need them."""


class Budget:
    """Says whether a run may begin: by the clock of the command, whatever runs beside it.

    A run that nothing is known of may begin while there is any time left.

    Args:
        seconds: from now on.
        longest: seconds that a run takes if it takes long, the upper end of its estimate; None where nothing is known.

    Attributes:
        refused: runs that there was no time for, in the order in which they were asked for.
    """

    def __init__(self, seconds: float, longest: Callable[[Job], float | None],
                 clock: Callable[[], float] = time.monotonic):
        self.seconds = seconds
        self.refused: list[Job] = []
        self._hopeless = 0  # refused runs that may take longer than the whole budget
        self._longest, self._clock, self._started = longest, clock, clock()

    def allows(self, job: Job) -> bool:
        """Whether there is time for a run that would begin now."""
        left, longest = self.seconds - (self._clock() - self._started), self._longest(job) or 0.0
        if left > 0 and longest <= left:
            return True
        self.refused.append(job)
        self._hopeless += longest > self.seconds
        return False

    def left_over(self) -> str:
        """Which runs there was no time for, in a line; empty where there was time for all."""
        if not self.refused:
            return ""
        named = ", ".join(f"{job.spec.name} seed {job.spec.seed} ({job.run_id})" for job in self.refused[:_NAMED])
        more = f" and {len(self.refused) - _NAMED} more" if len(self.refused) > _NAMED else ""
        runs = f"{len(self.refused)} runs" if len(self.refused) > 1 else "1 run"
        mend = (f"{self._hopeless} of them may take longer than that: give more" if self._hopeless
                else "the same command does them")
        return f"budget of {in_words(self.seconds)}: {runs} not started: {named}{more}; {mend}"
