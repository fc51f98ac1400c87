"""Metrics that pages show first."""

from ..board import Board, Column

_HEADLINES = ("accuracy", "consistency", "consistency_gain", "stability", "insertion", "deletion")
_FEWEST = 6
VERDICTS = ("accuracy", "consistency_gain")
"""Metrics of the sentence over a table: whether it knows the bird, and whether its parts are those of the bird."""


def headlines(board: Board) -> list[Column]:
    """Those of a board, in its order; the first columns where it has none of them."""
    return [column for column in board.columns if column.metric in _HEADLINES] or board.columns[:_FEWEST]
