"""Rows of runs that did not finish: why, so that nothing is lost silently."""

import re
from pathlib import Path

from ...leaderboard import Row, Store
from ..durations import in_words
from ..plan import Job
from ..results.run_folders import run_folder
from .outcome import Outcome
from .warden import read_note

STOPPED = "stopped by the user; the same command continues it"
LOST_MACHINE = "the machine of the worker process was lost"
_LONGEST = 2000  # characters of an error
_LINES, _TAIL = 8, 4000  # lines, and bytes, of a log's end
_NODE_DIED = re.compile(r"because its node has died|node it was running on is dead")  # and not its worker process
_RAN_SHORT = re.compile(r"low on memory|OutOfMemory")


def write_attempt(job: Job, status: str, error: str) -> None:
    """The row of one attempt that ended as ``status``; a later success supersedes it.

    Its error is one line, and for a failure the last lines of the run's log.

    Raises:
        UserError: it cannot be written.
    """
    spec = job.spec.model_dump(include={
        "method", "variant", "method_version", "settings", "dataset", "dataset_fingerprint", "backbone", "weights",
        "image_size", "seed", "epochs", "fit_on", "preset", "threads", "precision", "batch_size", "rate_factor",
        "views"})
    error = " ".join(error.split())[:_LONGEST]
    if status == "failed" and (lines := _last_lines(run_folder(job.out, job.run_id) / "log.txt")):
        error = f"{error}\n{lines}"[:_LONGEST]
    row = Row(**spec, run_id=job.run_id, split=job.split, sweep=job.sweep, level="", status=status, error=error,
              accumulation=job.accumulation, workers=job.workers)
    # At the URL, where there is one: the next number of an attempt is known there alone.
    Store(job.remote or job.out).write_attempt(job.run_id, [row])


def death(job: Job, said: str) -> Outcome:
    """How a run ended whose process did.

    Args:
        said: by Ray.
    """
    why = read_note(run_folder(job.out, job.run_id))
    if why or _RAN_SHORT.search(said):
        why = why or "its machine ran low on memory"
        return Outcome(job.run_id, "out_of_memory", f"the worker process was killed: {why}")
    if _NODE_DIED.search(said):
        return Outcome(job.run_id, "lost", LOST_MACHINE)
    return Outcome(job.run_id, "lost", "the worker process died: it was killed, or crashed outside Python")


def time_is_up(job: Job, seconds: float) -> Outcome:
    """How a run ended that was stopped at its time limit."""
    return Outcome(job.run_id, "timeout", f"stopped after {in_words(seconds)} (--timeout); the same command continues "
                                          "it from its last checkpoint, for as long again")


def _last_lines(log: Path) -> str:
    try:
        with open(log, "rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-_LINES:])
    except OSError:
        return ""
