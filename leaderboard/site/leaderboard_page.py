"""The leaderboard: a table for each board, with what may be said of it."""

import hashlib

from .. import comparison_page, figures
from .. import page as old
from ..board import Board
from ..text import printable
from .frame import Page, Section
from .material import Material

_LEAD = ("Interpretable vision methods on equal terms: same backbone, same images, same metrics. Each table holds what "
         "may be compared; scores under another protocol, data set or backbone stand in another table.")


def page(material: Material) -> Page:
    """Always there, also where nothing has finished."""
    sections = [Section(anchor(board), printable(board.title), _board(board)) for board in material.boards]
    if not sections:
        sections = [Section("empty", "No rows yet", "<p>No run has finished or failed here. Start one with "
                            "<code>harness run</code>, then build this page again.</p>")]
    return Page("index", "Leaderboard", "partbench leaderboard", _LEAD, sections)


def anchor(board: Board) -> str:
    """Address of a board on every page that has it."""
    said = "/".join((board.dataset, board.split, board.backbone, board.protocol_id))
    return f"b-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def _board(board: Board) -> str:
    gain, floor = figures.accuracy_against_gain(board), figures.consistency_beside_controls(board)
    drawn = old.figure(gain, "Accuracy against consistency gain", f"{anchor(board)}-gain")
    drawn += old.figure(floor, "Consistency beside the controls", f"{anchor(board)}-floor")
    table = old.scores(board) if board.lines or board.controls else ""
    lost = old.failures(board.failures) if board.failures else ""
    return f'{table}{comparison_page.comparisons(board)}<div class="figures">{drawn}</div>{lost}'
