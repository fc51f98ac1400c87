"""Parts of a section that readers choose by metric, and how many of them a page can hold."""

import json
from collections.abc import Sequence
from html import escape

from ..board import Board, Column
from ..text import printable
from .headlines import headlines

_MANY = 600  # lines times headline metrics, on all boards: beyond, pages draw less
_ALWAYS = ("accuracy", "consistency", "consistency_gain")


def block(metric: str, title: str, html: str) -> str:
    """HTML under a heading, in a select box of the page under its metric. Metric and title are text."""
    facets = escape(json.dumps({"metric": metric}, ensure_ascii=False))
    return f'<section class="block" data-facets="{facets}"><h3>{escape(title)}</h3>\n{html}\n</section>'


def many(boards: Sequence[Board]) -> bool:
    """Whether figures of every headline metric would make a page too large."""
    return sum(len(board.lines) * len(headlines(board)) for board in boards) > _MANY


def drawn(board: Board, boards: Sequence[Board]) -> list[Column]:
    """Metrics that pages of these boards have figures of."""
    found = headlines(board)
    return [column for column in found if column.metric in _ALWAYS] or found[:3] if many(boards) else found


def not_drawn(board: Board, boards: Sequence[Board], function: str) -> str:
    """Names the headline metrics without figures, and the function that draws them; nothing where there is none."""
    shown = drawn(board, boards)
    left = [printable(column.title, 60) for column in headlines(board) if column not in shown]
    return (f'<p class="quiet">Too many lines to draw every metric here. Not drawn: {escape(", ".join(left))}; '
            f"<code>partbench.leaderboard.{function}</code> does.</p>") if left else ""
