"""What `harness why` tells of a run: every attempt, the end of its log, and what to do."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from ...leaderboard import Store, history
from ...leaderboard.rows import SCORED
from ...leaderboard.text import printable
from ..results.run_folders import known_run
from .run_about import about_run

if TYPE_CHECKING:
    import pandas

_LOG_LINES, _LOG_BYTES = 30, 100_000  # of a log's end
_ERROR = 300  # characters
_REFUSED = " ERROR refused: "
_MENDS = {
    "failed": "mend what the error says, then: {again}",
    "timeout": "to continue it, for as long again: {again}",
    "out_of_memory": "with more memory (fewer runs beside it, a larger --gpus-per-run or --memory-per-run): {again}",
    "interrupted": "to continue it: {again}",
    "refused": "mend what the error says, then: {again}",
    "unfinished": "if no command is at it any more: {again}",
}


def reason(run: str, out: str) -> RenderableType:
    """Status, attempts, end of the log and mend of a run, also of one that has no row.

    Raises:
        UserError: no such run.
    """
    folder = known_run(run, out)
    happened = history(Store(out), folder.name)
    log = _tail(folder / "log.txt")
    status, said = _status(happened, log)
    lines = [f"{folder.name}  {status}" + (f": {said}" if said else "")]
    if about := _about(folder):
        lines.append(about)
    lines += [_attempt(row) for row in happened.to_dict("records")] if len(happened) > 1 else []
    lines += ["", f"the end of {folder / 'log.txt'}:", *log[-_LOG_LINES:]] if log else ["no log"]
    if mend := _MENDS.get(status):
        command = f"harness run --config {shlex.quote(str(folder / 'spec.json'))}"
        lines += ["", mend.format(again=command)]
    return Text("\n".join(lines))


def _status(happened: "pandas.DataFrame", log: list[str]) -> tuple[str, str]:
    """How the run ended last, and why."""
    if not len(happened):
        refused = [line.partition(_REFUSED)[2] for line in log if _REFUSED in line]
        if refused:
            return "refused", refused[-1]
        return "unfinished", "it is under way, or was killed before it could say why"
    # Scores of one split say nothing of another one's attempts.
    scored = happened[happened.scored]
    open_ends = happened[~happened.scored & ~happened.split.isin(scored.split)]
    last = (open_ends if len(open_ends) else happened).iloc[-1]
    if last.scored:
        return "done", ""
    return last.status, f"after {last.epochs} epochs" if last.status == "pruned" else _first_line(last.error)


def _attempt(row: dict[str, Any]) -> str:
    """``  2  failed         2026-01-31 12:00  loss term 'entropy' is nan``."""
    when = row["finished_at"]
    when = f"{when:%Y-%m-%d %H:%M}" if when == when and when is not None else ""
    if row["scored"]:
        number, status, said = "", "done", f"scored on {row['split']} under {row['protocol']} ({row['protocol_id']})"
        status = status if row["status"] in SCORED else row["status"]
    else:
        number, status, said = row["attempt"], row["status"], _first_line(row["error"])
        said += f"; batches in {row['accumulation']} parts" if row["accumulation"] > 1 else ""
    said += f", of sweep {row['sweep']}" if row["sweep"] else ""
    return f"{number!s:>3}  {status:<13}  {when:<16}  {said}"


def _about(folder: Path) -> str:
    """``ivpt on cub, seed 0, 25 epochs``; empty where the spec is missing or torn."""
    about = about_run(folder)
    return printable(f"{about.method} on {about.dataset}, seed {about.seed}, {about.epochs} epochs") if about else ""


def _first_line(error: str) -> str:
    return printable((error.splitlines() or [""])[0], _ERROR)


def _tail(log: Path) -> list[str]:
    """The last lines of a log of any length, without what acts on a terminal."""
    if log.is_symlink() or not log.is_file():
        return []
    try:
        with open(log, "rb") as file:
            file.seek(max(0, file.seek(0, 2) - _LOG_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [printable(line, 1000) for line in lines]
