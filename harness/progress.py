"""What a run says of itself while it works."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


class Interrupted(Exception):
    """The user asked this run to stop; its checkpoints are kept."""


@dataclass(frozen=True)
class Event:
    """A run's state for the live display.

    Attributes:
        done, total: units of work of the whole run (image passes), so that time left can be told.
        rate: images a second in the current stretch.
        node, gpu: where it works: name of the machine, and numbers of its GPUs with commas.
    """

    stage: str = "waiting"
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    rate: float = 0.0
    done: float = 0.0
    total: float = 1.0
    seconds_left: float | None = None
    node: str = ""
    gpu: str = ""


def _silent(event: Event) -> None:
    return None


@dataclass
class Reporter:
    """Collects what a run does and tells listeners; raises where the user asked to stop.

    Attributes:
        cost: of one unit per stretch, in plain forward passes of an image: training steps and scoring differ.
    """

    tell: Callable[[Event], None] = _silent
    stopped: Callable[[], bool] = lambda: False
    total: float = 1.0
    done: float = 0.0
    _event: Event = field(default_factory=Event)
    _start: float = field(default_factory=time.monotonic)
    _stretch: tuple[str, float, float] = ("", 0.0, 0.0)
    _base: float = 0.0

    def begin(self, total: float, done: float = 0.0) -> None:
        """Start the clock: ``total`` units of work, ``done`` of them by an earlier attempt."""
        self.total, self.done, self._base, self._start = total, done, done, time.monotonic()

    def skip(self, cost: float) -> None:
        """Work that an earlier attempt did: no longer to do, and no sign of this machine's speed."""
        self.done += cost
        self._base += cost

    def heed(self) -> None:
        """Between steps that take long.

        Raises:
            Interrupted: the user asked to stop.
        """
        if self.stopped():
            raise Interrupted

    def step(self, stage: str, images: int, cost: float, epoch: int = 0, epochs: int = 0,
             loss: float | None = None) -> None:
        """``images`` are through ``stage``, at ``cost`` units each.

        Raises:
            Interrupted: the user asked to stop.
        """
        self.heed()
        now = time.monotonic()
        if self._stretch[0] != stage:
            self._stretch = (stage, now - 1e-9, -float(images))
        _, since, seen = self._stretch
        self._stretch = (stage, since, seen + images)
        self.done += images * cost
        spent, gained = now - self._start, self.done - self._base
        left = spent * max(0.0, self.total - self.done) / gained if gained > 0 and spent > 1 else None
        rate = (seen + images) / (now - since) if now - since > 0.1 else 0.0
        self.tell(Event(stage, epoch, epochs, loss, rate, self.done, self.total, left))
