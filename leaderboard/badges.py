"""What a project page can embed: a badge for each data set, and a summary in JSON.

    summary.json        {"schema": 1, "boards": [...]}: of every board its counts, the date of its latest run, and on
                        each headline metric the lines that are not told apart from the best, with values and intervals
    badge-NAME.svg      one line of it for a data set
"""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any

from .badge import badge_svg
from .board import Board
from .comparison import Ranking
from .files import Folder, mendable
from .site.copyable import copyable
from .site.headlines import VERDICTS
from .text import line_name, number, printable

if TYPE_CHECKING:
    import pandas

    from .site.material import Material

SCHEMA = 1
"""Raised when a field of summary.json changes its meaning or goes."""
_BADGE = re.compile(r"badge-[a-z0-9-]{1,80}\.svg")


def write_badges(material: "Material") -> None:
    """Write ``summary.json`` and a badge for every data set beside the pages; badges of other data sets go.

    Raises:
        UserError: the folder cannot be written.
    """
    latest = _latest(material.frame)
    told = [_summary(board, material.rankings(board), latest) for board in material.boards]
    content = {"schema": SCHEMA, "boards": told}
    material.report.write(f"{json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)}\n".encode(),
                          "summary.json")
    written = set()
    for board in badge_boards(material.boards):
        name = badge_name(board.dataset)
        material.report.write(_badge(board, material.rankings(board)).encode(), name)
        written.add(name)
    _tidy(material.report, written)


def badge_name(dataset: str) -> str:
    """File name of a data set's badge: its name where that is plain, else a digest too."""
    plain = re.sub(r"[^a-z0-9]+", "-", dataset.lower()).strip("-")[:40]
    if not plain or plain.replace("-", "_") != dataset:
        plain = f"{plain}-{hashlib.sha256(dataset.encode()).hexdigest()[:8]}".strip("-")
    return f"badge-{plain}.svg"


def embed_html(board: Board) -> str:
    """The badge of a board's data set, and what to paste to show it elsewhere. Once on a page for each data set."""
    name = badge_name(board.dataset)
    alt = f"partbench on {printable(board.dataset, 60)}"
    mark = re.sub(r"([\\\[\]`*_<>!&])", r"\\\1", alt)
    texts = {"Markdown": f"[![{mark}](SITE/{name})](SITE/index.html)",
             "HTML": f'<a href="SITE/index.html"><img src="SITE/{name}" alt="{escape(alt)}"></a>'}
    stem = name.removesuffix(".svg")
    return f'<p><img src="{name}" alt="{escape(alt)}" height="20"></p>' + "".join(
        copyable(f"{kind} for {printable(board.dataset, 60)}", text, f"{stem}-{kind.lower()}", f"{stem}.txt")
        for kind, text in texts.items())


def badge_boards(boards: Sequence[Board]) -> list[Board]:
    """Of each data set the board that its badge is of: the one with the most lines on test images."""
    best: dict[str, Board] = {}
    for board in boards:
        if board.split == "test" and board.lines and (
                board.dataset not in best or len(board.lines) > len(best[board.dataset].lines)):
            best[board.dataset] = board
    return list(best.values())


def _badge(board: Board, rankings: Sequence[Sequence[Ranking]]) -> str:
    """``partbench · cub | accuracy: 3 of 12 lines tied for best``."""
    lines = len(board.lines)
    said = f"{lines} {'line' if lines == 1 else 'lines'}"
    entered = [one for each in rankings for one in each]
    ranked = next((one for metric in VERDICTS for one in entered if one.column.metric == metric), None)
    if ranked:
        first, *tied = ranked.groups[0]
        value = _shown_value(first.scores[ranked.column.metric].value, ranked.column.unit)
        best = f"{len(tied) + 1} of {len(ranked.lines)} tied for best" if tied else f"{line_name(first, 40)} {value}"
        said = f"{ranked.column.title}: {best}"
    return badge_svg(f"partbench · {printable(board.dataset, 40)}", printable(said, 80),
                     f"partbench, {printable(board.title)}. {printable(said)}")


def _shown_value(value: float, unit: str) -> str:
    return number(value, unit) + (" %" if unit == "fraction" else "")


def _summary(board: Board, rankings: Sequence[Sequence[Ranking]], latest: dict[str, datetime]) -> dict[str, Any]:
    runs = {run for line in board.lines for run in line.run_ids}
    dates = [latest[run] for run in runs if run in latest]
    return {"dataset": board.dataset, "split": board.split, "backbone": board.backbone, "protocol": board.protocol,
            "protocol_id": board.protocol_id, "lines": len(board.lines), "controls": len(board.controls),
            "runs": len(runs), "failed": len(board.failures),
            "latest": max(dates).isoformat(timespec="seconds") if dates else None,
            "badge": badge_name(board.dataset) if board.split == "test" and board.lines else None,
            "headlines": [_headline(one) for each in rankings for one in each if one.column.metric in VERDICTS]}


def _headline(ranking: Ranking) -> dict[str, Any]:
    """A metric, and the lines that are not told apart from the best, best first."""
    column = ranking.column
    best = [{"method": line.name, "setup": line.setup, "level": line.level, "seeds": score.seeds,
             **{name: _finite(getattr(score, name)) for name in ("value", "low", "high")}}
            for line in ranking.groups[0] for score in (line.scores[column.metric],)]
    return {"metric": column.metric, "unit": column.unit, "higher_is_better": column.higher_is_better,
            "ranked": len(ranking.lines), "best": best}


def _finite(value: float | None) -> float | None:
    """JSON has no infinity; rows that were not written by a store may."""
    return value if value is not None and isfinite(value) else None


def _latest(frame: "pandas.DataFrame") -> dict[str, datetime]:
    """When each run was finished, of those that say it."""
    known = frame[frame["finished_at"].notna()]
    return {run: time.to_pydatetime() for run, time in known.groupby("run_id")["finished_at"].max().items()}


def _tidy(report: Folder, written: set[str]) -> None:
    for found in report.list("", ".svg"):
        if found.name not in written and _BADGE.fullmatch(found.name):
            with mendable(found.path):
                report.fs.rm_file(found.path)
