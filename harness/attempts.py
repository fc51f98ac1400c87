"""Rows of runs that did not finish: why, so that nothing is lost silently."""

from ..leaderboard import Row, Store
from .plan import Job

STOPPED = "stopped by the user; the same command continues it"
_LONGEST = 2000  # characters of an error


def write_attempt(job: Job, status: str, error: str) -> None:
    """The row of one attempt that ended as ``status``; a later success supersedes it."""
    spec = job.spec.model_dump(include={
        "method", "variant", "method_version", "settings", "dataset", "dataset_fingerprint", "backbone", "weights",
        "image_size", "seed", "epochs", "fit_on", "preset", "threads"})
    row = Row(**spec, run_id=job.run_id, split=job.split, sweep=job.sweep, level="", status=status,
              error=error[:_LONGEST])
    Store(job.out).write_attempt(job.run_id, [row])
