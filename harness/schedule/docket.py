"""The runs of a command: which waits, which is next, what became of each."""

import time
from collections import deque
from collections.abc import Collection
from typing import Protocol

from ...errors import UserError
from ..plan import Job
from ..progress import Event
from .attempts import write_attempt
from .outcome import Outcome
from .retries import Retries
from .turns import OURS, THEIRS, Turns

_LATER = 2.0  # seconds until a run that another command does is looked at again
_SAME = 3  # runs that are refused for one reason before any has begun: so will the others be


class Listener(Protocol):
    """Whoever shows the runs to the user."""

    def event(self, run_id: str, event: Event) -> None: ...

    def said(self, run_id: str, line: str) -> None: ...

    def ended(self, run_id: str, status: str, error: str) -> None: ...


class Allowance(Protocol):
    """Whoever says whether there is still time for a run."""

    def allows(self, job: Job) -> bool: ...


class Docket:
    """Hands out runs, in the order in which they were added, and takes note of their ends.

    Args:
        turns: of commands that share the folder of results; None: this one has it to itself.
        budget: asked before each run begins; None: all of them may.

    Attributes:
        statuses: of the runs that ended.
        refused: runs whose request cannot work, and why.
        unwritten: why the row of a run could not be written.
        closing: the user asked to stop: runs that end now are not tried again, and none is begun.
    """

    def __init__(self, listener: Listener, turns: Turns | None = None, budget: Allowance | None = None):
        self._listener, self._turns, self._budget = listener, turns, budget
        self._waiting: deque[Job] = deque()
        self._taken: set[str] = set()
        self._later: dict[str, float] = {}
        self._retries = Retries()
        self._begun: set[str] = set()
        self.statuses: dict[str, str] = {}
        self.refused: dict[str, tuple[Job, str]] = {}
        self.unwritten: UserError | None = None
        self.closing = False

    def add(self, job: Job) -> None:
        """Put a run at the end of the queue."""
        self._waiting.append(job)

    def put_back(self, job: Job) -> None:
        """A run was handed out and could not begin: it is next again."""
        self._waiting.appendleft(job)

    @property
    def waiting(self) -> list[Job]:
        """Runs that nobody does yet."""
        return list(self._waiting)

    def next(self, busy: Collection[str] = ()) -> Job | None:
        """The first run whose turn it is and for which there is time; None where there is none just now.

        Args:
            busy: ids of trainings under way here: runs that share one come after each other.
        """
        now = time.monotonic()
        for job in self.waiting:
            if job.spec.training_id in busy or self._later.get(job.run_id, 0) > now:
                continue
            turn = self._turn(job)
            if turn == THEIRS:
                self._later[job.run_id] = now + _LATER
                continue
            self._waiting.remove(job)
            if turn != OURS:
                self._conclude(job, turn, "by another command")
            elif self._budget is None or self._budget.allows(job):
                return job
            else:
                self._give(job)
        return None

    def event(self, job: Job, event: Event) -> None:
        """What a run says of itself."""
        if event.epoch:
            self._begun.add(job.run_id)
        self._listener.event(job.run_id, event)

    def end(self, job: Job, end: Outcome) -> None:
        """A run has ended, or is to be tried again."""
        if end.status == "refused":
            self.refused[job.run_id] = job, end.error
            self._give(job)
            return
        if self.closing and end.status == "lost":  # with everything else that was told to leave
            end = Outcome(job.run_id, "interrupted", end.error)
        again = None if self.closing or end.status == "done" else self._retries.again(job, end)
        status = "failed" if end.status == "lost" else end.status
        if status != "done" and not end.kept:
            self._write(job, status, end.error)
        if again:
            job, how = again
            self._listener.said(job.run_id, f"{end.error}; {how}")
            self._waiting.appendleft(job)
        else:
            self._give(job)
            self._conclude(job, status, end.error)

    @property
    def hopeless(self) -> bool:
        """Whether to go on is of no use: what refused the first runs refuses all, or nothing can be kept."""
        reasons = [reason for _, reason in self.refused.values()]
        return self.unwritten is not None or (
            len(reasons) >= _SAME and len(set(reasons)) == 1 and not self._begun and not self.statuses)

    def settle(self) -> dict[str, str]:
        """The status of every run by its id, once all have ended; those for which there was no time are left out.

        Raises:
            UserError: no run's request could work, or a row could not be written.
        """
        if self.unwritten:
            raise self.unwritten
        reasons = [reason for _, reason in self.refused.values()]
        if reasons and not self.statuses:
            raise UserError(reasons[0])
        for job, reason in self.refused.values():
            self._write(job, "failed", reason)
            self._conclude(job, "failed", reason)
        if self.closing:
            self.statuses |= {job.run_id: "interrupted" for job in self._waiting}
        return self.statuses

    def _turn(self, job: Job) -> str:
        if self._turns is None or job.run_id in self._taken:
            return OURS
        turn = self._turns.take(job)
        if turn == OURS:
            self._taken.add(job.run_id)
        return turn

    def _give(self, job: Job) -> None:
        if self._turns and job.run_id in self._taken:
            self._taken.remove(job.run_id)
            self._turns.give(job)

    def _write(self, job: Job, status: str, error: str) -> None:
        """A folder that takes no row takes no scores either: keep the reason, and begin nothing more."""
        try:
            write_attempt(job, status, error)
        except UserError as problem:
            self.unwritten = problem

    def _conclude(self, job: Job, status: str, error: str) -> None:
        self.statuses[job.run_id] = status
        self._listener.ended(job.run_id, status, error)
