"""What `harness run` does with a request: the plan, the runs, and how they are told of."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from rich.console import Console

from ..errors import UserError
from ..leaderboard import ClassSums, Store, leaderboard_table
from .api import execute, full_plan
from .config import RunConfig
from .display import QuietConsole
from .events import EventConsole


def run_request(config: RunConfig, console: Console, quiet: bool = False, json: bool = False) -> int:
    """Do the runs of a request and say what came of it; the exit code.

    Args:
        console: takes the leaderboard.
        quiet: of the runs, only failures are told.
        json: standard output gets events and nothing else.

    Raises:
        UserError: something in the request cannot work.
    """
    if quiet and json:
        raise UserError("--quiet and --json exclude each other: events are for programs; give one of them")
    if json:
        with _streaming() as progress:
            return _told(config, progress)
    progress = QuietConsole() if quiet else Console(stderr=True)
    plan = full_plan(config, progress)
    if plan.finished and not quiet:
        console.print(f"{len(plan.finished)} of {len(plan.jobs)} runs were finished before")
    result = execute(config, plan, progress)
    _conclude(config, console)
    return result.exit_code


def _told(config: RunConfig, progress: EventConsole) -> int:
    """As :func:`run_request`, for a program that reads events."""
    plan = full_plan(config, progress)
    for job in plan.jobs:
        if job.run_id in plan.finished:
            progress.events.planned(job, "finished")
    result = execute(config, plan, progress)
    progress.events.finished(result.exit_code, _report(config))
    return result.exit_code


@contextmanager
def _streaming() -> Iterator[EventConsole]:
    """Events to standard output, and whatever else is printed to standard error; the last event also of what failed."""
    progress = EventConsole(sys.stdout)
    with redirect_stdout(sys.stderr):
        try:
            yield progress
        except UserError as error:
            progress.events.finished(2, error=str(error))
            raise
        except KeyboardInterrupt:
            progress.events.finished(130, error="interrupted")
            raise


def _conclude(config: RunConfig, console: Console) -> None:
    """The leaderboard, and the report where it is out of date."""
    store = Store(config.out)
    frame, problems = store.current()
    for problem in problems:
        Console(stderr=True).print(f"warning: {problem}", markup=False, soft_wrap=True)
    console.print(leaderboard_table(frame, console.width, sums=ClassSums(store)))
    if page := _report(config):
        console.print(f"report: {page}", soft_wrap=True)


def _report(config: RunConfig) -> str | None:
    """Build the report where rows came after it; its page, None where nothing was built."""
    out = Path(config.out)
    page = out / "report" / "index.html"
    # leaderboard.parquet is rewritten only when there are new rows.
    if page.exists() and page.stat().st_mtime >= (out / "leaderboard.parquet").stat().st_mtime:
        return None
    from ..leaderboard import build_report

    return str(build_report(config.out))
