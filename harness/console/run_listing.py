"""`harness list runs`: one line for each run, quick with thousands of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from ...errors import UserError
from ...leaderboard import Store
from ...leaderboard.text import printable
from .run_about import about_run

_HEAD = ("run", "method", "dataset", "seed", "split", "sweep", "status", "finished")
_READ = ("run_id", "sweep", "method", "variant", "dataset", "seed", "split", "status", "finished_at")
_MINUTES = len("2026-02-09 15:48")
_LONGEST = 40  # characters of a name


def runs_table(out: str) -> RenderableType:
    """Every run with rows, and those that left a folder alone; then what was skipped, and why.

    Raises:
        UserError: there are no results.
    """
    try:
        scored, problems = Store(out).listed(_READ)
    except UserError:
        if not (Path(out) / "runs").is_dir():
            raise
        rows, problems = [], []
    else:
        rows = list(_with_rows(scored))
    rows += _without({row[0] for row in rows}, Path(out) / "runs")
    wanted = [place for place, name in enumerate(_HEAD) if name != "sweep" or any(row[place] for row in rows)]
    lines = _aligned([[row[place] for place in wanted] for row in (_HEAD, *rows)])
    told = "\n".join([*lines, *(f"warning: {problem}" for problem in problems)])
    # No line is broken: ids are there to be copied. (What a console prints by itself forgets that.)
    return Group(Text(told, no_wrap=True, overflow="ignore"))


def _with_rows(scored: list[dict[str, str | None]]) -> Iterator[tuple[str, ...]]:
    first, done = {}, set()
    for row in scored:
        first.setdefault((row["run_id"], row["sweep"]), row)
        if row["status"] == "done":
            done.add((row["run_id"], row["sweep"]))
    for key, row in first.items():
        status = "done" if key in done else row["status"]
        yield (row["run_id"], _name(row), printable(row["dataset"], _LONGEST), row["seed"] or "", row["split"],
               row["sweep"], status, (row["finished_at"] or "")[:_MINUTES])


def _without(known: set[str], runs: Path) -> Iterator[tuple[str, ...]]:
    """Runs that are under way, or were refused or killed: what their specs say."""
    for folder in sorted(runs.iterdir()) if runs.is_dir() else ():
        if folder.name in known or folder.name.startswith("."):
            continue
        if about := about_run(folder):  # else it is no folder of a run that began
            yield folder.name, *(printable(text, _LONGEST) for text in about[:-1]), "unfinished", ""


def _name(row: dict[str, str | None]) -> str:
    return printable(f"{row['method']}@{row['variant']}" if row["variant"] else row["method"], _LONGEST)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
