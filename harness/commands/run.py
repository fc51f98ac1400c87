"""What `harness run` does with a request: the plan, the runs, and how they are told of."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path

from rich.console import Console

from ...errors import UserError
from ..api import budget_of, execute, full_plan
from ..config import RunConfig
from ..console.display import QuietConsole
from ..console.events import EventConsole
from ..console.printed import print_leaderboard
from ..durations import in_words
from ..foresight.budget import BudgetSpent
from ..plan import Plan
from ..results.at_hand import all_at_hand
from ..results.place import results_as_given


def run_request(config: RunConfig, console: Console, quiet: bool = False, json: bool = False,
                plan: Plan | None = None) -> int:
    """Do the runs of a request and say what came of it; the exit code.

    Args:
        console: takes the leaderboard.
        quiet: of the runs, only failures are told.
        json: standard output gets events and nothing else.
        plan: None: every run of the request.

    Raises:
        UserError: something in the request cannot work.
    """
    if quiet and json:
        raise UserError("--quiet and --json exclude each other: events are for programs; give one of them")
    if json:
        with _streaming() as progress:
            return _told(config, progress, plan)
    progress, budget = QuietConsole() if quiet else Console(stderr=True), budget_of(config)
    code = 0
    with suppress(BudgetSpent):
        plan = plan or full_plan(config, progress, budget)
        if plan.finished and not quiet:
            console.print(f"{len(plan.finished)} of {len(plan.jobs)} runs were finished before")
        code = execute(config, plan, progress, budget).exit_code
        if code == 130:  # who stops it wants to leave
            console.print("stopped; the same command continues it", style="red")
        else:
            if not quiet and (told := _views(plan)):
                progress.print(f"stored views of every image: {told}", highlight=False, soft_wrap=True)
            _conclude(config, console)
    if budget and budget.refused:
        console.print(budget.left_over(), style="yellow", markup=False, highlight=False, soft_wrap=True)
    return code


def _views(plan: Plan) -> str:
    """How many of them the methods were shown."""
    views = {job.spec.name: job.spec.views for job in plan.jobs if job.spec.views and job.run_id not in plan.finished}
    return ", ".join(f"{count} for {name}" for name, count in views.items())


def _told(config: RunConfig, progress: EventConsole, plan: Plan | None) -> int:
    """As :func:`run_request`, for a program that reads events."""
    budget, code, report = budget_of(config), 0, None
    with suppress(BudgetSpent):
        plan = plan or full_plan(config, progress, budget)
        for job in plan.jobs:
            if job.run_id in plan.finished:
                progress.events.planned(job, "finished")
        code = execute(config, plan, progress, budget).exit_code
        report = _report(config) if code != 130 else None
    for job in budget.refused if budget else ():
        progress.events.not_started(job, f"it would not end within the budget of {in_words(budget.seconds)}")
    progress.events.finished(code, report)
    return code


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
    print_leaderboard(results_as_given(config.out).folder, console, Console(stderr=True))
    if page := _report(config):
        console.print(f"report: {page}", soft_wrap=True)


def _report(config: RunConfig) -> str | None:
    """Build the report where rows came after it; its page, None where nothing was built."""
    out = Path(results_as_given(config.out).folder)
    page = out / "report" / "index.html"
    # leaderboard.parquet is rewritten only when there are new rows.
    if page.exists() and page.stat().st_mtime >= (out / "leaderboard.parquet").stat().st_mtime:
        return None
    from ...leaderboard import build_report

    results = all_at_hand(config.out)
    page = build_report(results.folder)
    results.send("report", exactly=True)
    return str(page)
