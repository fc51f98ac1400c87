"""The leaderboard: a table for each board, with what may be said of it."""

import hashlib
from collections.abc import Sequence
from html import escape

from .. import page as old
from ..board import Board
from ..text import printable
from .copyable import copyable
from .export_bibtex import bibtex
from .export_latex import latex_table
from .frame import Page, Section
from .lost_runs import failures, missing, summary
from .material import Material
from .ranks import Ranks
from .score_table import score_table
from .verdict import facts, verdicts

_LEAD = ("Interpretable vision methods on equal terms: same backbone, same images, same metrics. Each table holds what "
         "may be compared; scores under another protocol, data set or backbone stand in another table.")


def page(material: Material) -> Page:
    """Always there, also where nothing has finished; drawn last, as it lists what other pages could not use."""
    sections = [_section(board, material) for board in material.boards]
    if not sections:
        sections = [Section("empty", "No rows yet", "<p>No run has finished or failed here. Start one with "
                            "<code>harness run</code>, then build this page again.</p>")]
    cited = bibtex(*material.boards)
    if cited:
        sections.append(Section("cite", "Cite", "<p>Papers of the methods, data sets and metrics on this page.</p>"
                                + copyable("BibTeX", cited, "bibtex", "partbench.bib")))
    if material.problems:
        sections.append(Section("skipped", "Skipped files", "<p>These were not used. Run the same command again to "
                                f"replace them, or delete them.</p>{old.listing(material.problems)}"))
    return Page("index", "Leaderboard", "partbench leaderboard", _LEAD, sections)


def anchor(board: Board) -> str:
    """Address of a board on every page that has it."""
    said = "/".join((board.dataset, board.split, board.backbone, board.protocol_id))
    return f"b-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def facets(board: Board) -> dict[str, str]:
    """What boards are chosen by, on every page that has them."""
    protocol = f"{printable(board.protocol or 'unknown', 40)} ({printable(board.protocol_id, 16)})"
    return {"data set": printable(board.dataset, 60), "backbone": printable(board.backbone or "none", 60),
            "protocol": protocol, "split": printable(board.split, 40)}


def _section(board: Board, material: Material) -> Section:
    here, rankings = anchor(board), material.rankings(board)
    ranks = Ranks(rankings)
    notes = [missing(board, material.boards), summary(board)]
    html = _verdict([facts(board), *verdicts(board, rankings)], [note for note in notes if note])
    if board.lines or board.controls:
        html += score_table(board, ranks, here)
    if board.lines:
        html += copyable("LaTeX", latex_table(board, ranks=ranks), f"{here}-latex", "partbench.tex")
    if board.failures:
        html += failures(board.failures)
    return Section(here, printable(board.title), html, facets(board))


def _verdict(said: Sequence[str], notes: Sequence[str]) -> str:
    first, *verdicts = map(escape, said)
    notes = "".join(f'<p class="quiet">{escape(note)}</p>' for note in notes)
    items = "".join(f"<li>{verdict}</li>" for verdict in verdicts)
    return f'<div class="verdict"><p>{first}</p>{f"<ul>{items}</ul>" if items else ""}</div>{notes}'
