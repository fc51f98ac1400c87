"""A board as CSV: every score in full, with its interval and its ranks."""

import csv
import io
import re
from collections.abc import Iterator

from ..board import Board, Line
from ..comparison import rankings
from .ranks import Ranks

_FORMULA = re.compile(r"[=+\-@\t\r]")


def csv_table(board: Board, ranks: Ranks | None = None) -> str:
    """One line per method and level, then the controls.

    Columns ``dataset, split, backbone, protocol, protocol_id, method, setup, level, seeds, train_seconds,
    trainable_parameters``, then for each metric its mean over seeds (in its unit, fractions in [0, 1]), and under its
    name with ``_low, _high, _best_rank, _worst_rank`` the 95 % interval and the ranks; empty where not known. A text
    that a spreadsheet would take for a formula begins with an apostrophe.

    Args:
        ranks: of the board where they are known already.
    """
    ranks = Ranks(rankings(board)) if ranks is None else ranks
    written = io.StringIO()
    writer = csv.writer(written)
    place = ["dataset", "split", "backbone", "protocol", "protocol_id"]
    told = ["name", "setup", "level", "seeds", "train_seconds", "trainable_parameters"]
    scores = [_text(column.metric) + part for column in board.columns
              for part in ("", "_low", "_high", "_best_rank", "_worst_rank")]
    writer.writerow([*place, "method", *told[1:], *scores])
    for line in (*board.lines, *board.controls):
        writer.writerow([*(_text(getattr(board, name)) for name in place),
                         *(_text(getattr(line, name)) for name in told),
                         *(cell for column in board.columns for cell in _cells(line, column.metric, ranks))])
    return written.getvalue()


def _cells(line: Line, metric: str, ranks: Ranks) -> Iterator[float | int | None]:
    score, rank = line.scores.get(metric), ranks.of(line, metric)
    yield from (score.value, score.low, score.high) if score else (None,) * 3
    yield from (rank.best, rank.worst) if rank else (None,) * 2


def _text(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
