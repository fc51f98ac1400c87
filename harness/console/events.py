"""Machine-readable events of `harness run --json`: one JSON object a line, version 1.

Every line has ``v`` (1), ``event`` and ``time`` (UTC, ISO 8601). Fields that are not known are null. Within a version
fields and events are only added.

    planned   run, method, dataset, backbone, image_size, seed, epochs, split, protocol, sweep,
              state: waiting, or finished before
    started   run, node, gpu; a run that ends at once may have none
    progress  run, stage, epoch, epochs, loss, images_per_second, share (0 to 1), seconds_left, node, gpu;
              when the stage changes, else every five seconds at most
    said      run, line: something to know of a run that goes on
    ended     run, status, error
    not_started  run, error: why it was left for another command
    finished  exit_code, done, failed (numbers of runs that ended in this command), report (path or null), error

``run`` is a run id. Nothing of the environment is in an event, and the user's paths are in ``report`` and errors alone.
"""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any, TextIO

from rich.console import Console

from ..plan import Job
from ..progress import Event

VERSION = 1
_EVERY = 5.0  # seconds between two events of progress of one run


class EventStream:
    """Writes events to a file. When its reader leaves, the runs go on without it.

    Attributes:
        ends: number of runs by how they ended.
    """

    def __init__(self, file: TextIO):
        self.ends: Counter[str] = Counter()
        self._file: TextIO | None = file
        self._lock = threading.Lock()

    def write(self, event: str, **fields: Any) -> None:
        """One line, at once."""
        said = {"v": VERSION, "event": event, "time": datetime.now(UTC).isoformat(timespec="milliseconds")} | fields
        line = json.dumps(said, allow_nan=False)
        with self._lock:
            if self._file is None:
                return
            try:
                self._file.write(line + "\n")
                self._file.flush()
            except BrokenPipeError:
                self._file = None
                print("warning: the reader of the events has left; the runs go on", file=sys.stderr)

    def planned(self, job: Job, state: str) -> None:
        """A run of the request."""
        spec = job.spec
        self.write("planned", run=job.run_id, method=spec.name, dataset=spec.dataset, backbone=spec.backbone,
                   image_size=spec.image_size, seed=spec.seed, epochs=spec.epochs, split=job.split,
                   protocol=job.protocol.name, sweep=job.sweep or None, state=state)

    def not_started(self, job: Job, why: str) -> None:
        """A run that is left for another command."""
        self.write("not_started", run=job.run_id, error=why)

    def finished(self, exit_code: int, report: str | None = None, error: str | None = None) -> None:
        """The last line."""
        done = self.ends["done"]
        self.write("finished", exit_code=exit_code, done=done, failed=self.ends.total() - done, report=report,
                   error=error)


class EventConsole(Console):
    """The console of a command that tells programs: silent itself, with the stream that they read."""

    def __init__(self, file: TextIO):
        super().__init__(stderr=True, quiet=True)
        self.events = EventStream(file)


class EventDisplay:
    """Tells a stream what runs do."""

    def __init__(self, jobs: Sequence[Job], stream: EventStream):
        self._jobs, self._stream = jobs, stream
        self._told: dict[str, tuple[str, float]] = {}

    def __enter__(self) -> "EventDisplay":
        for job in self._jobs:
            self._stream.planned(job, "waiting")
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def event(self, run_id: str, event: Event) -> None:
        node, gpu = event.node or None, event.gpu or None
        if run_id not in self._told:
            self._stream.write("started", run=run_id, node=node, gpu=gpu)
        stage, when = self._told.get(run_id, ("", 0.0))
        now = time.monotonic()
        if stage == event.stage and now - when < _EVERY:
            return
        self._told[run_id] = event.stage, now
        self._stream.write(
            "progress", run=run_id, stage=event.stage, epoch=event.epoch or None, epochs=event.epochs or None,
            loss=_finite(event.loss), images_per_second=_finite(event.rate or None),
            share=_finite(min(1.0, event.done / event.total)), seconds_left=_finite(event.seconds_left), node=node,
            gpu=gpu)

    def said(self, run_id: str, line: str) -> None:
        self._stream.write("said", run=run_id, line=line)

    def ended(self, run_id: str, status: str, error: str) -> None:
        self._told.pop(run_id, None)
        self._stream.ends[status] += 1
        self._stream.write("ended", run=run_id, status=status, error=error or None)


def _finite(number: float | None) -> float | None:
    """JSON knows no NaN."""
    return round(number, 6) if number is not None and isfinite(number) else None
