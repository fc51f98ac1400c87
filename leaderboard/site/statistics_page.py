"""Statistics: who is told apart from whom and how sure that is, on each board and over data sets."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from .. import kendall
from ..board import Board, Column
from ..comparison import Ranking
from ..control_figures import beside_controls, control_figure
from ..critical_difference import Blocks, CriticalDifference, friedman_blocks
from ..page import figure
from ..rank_figures import critical_difference_figure, rank_figure
from ..text import printable
from . import statistics_tables as tables
from .blocks import block, drawn, many, not_drawn
from .frame import Page, Section
from .headlines import headlines
from .leaderboard_page import anchor, facets
from .material import Material

_LEAD = ("Who is told apart from whom, by which test, and how sure that is. Tests are of all pairs of lines on a board "
         "at the 5 % level, corrected so that with 95 % chance none of a metric's pairs is called different wrongly.")
_AVERAGED = 30  # methods in a figure of average ranks


class Limits(NamedTuple):
    """Lines in a figure, in a matrix of wins, and in a list of pairs, the best by score."""

    figure: int
    matrix: int
    pairs: int


_LIMITS = Limits(30, 20, 12), Limits(20, 10, 5)  # of pages that draw every metric, and of larger ones


def page(material: Material) -> Page | None:
    """None where no two lines can be compared."""
    compared = [board for board in material.boards if any(material.rankings(board))]
    if not compared:
        return None
    sections = [Section(anchor(board), printable(board.title), _board(board, compared, material), facets(board))
                for board in compared]
    return Page("statistics", "Statistics", "Statistics", _LEAD, [*sections, _over_data_sets(compared)])


def _board(board: Board, boards: Sequence[Board], material: Material) -> str:
    here, columns, html = anchor(board), headlines(board), ""
    limits = _LIMITS[many(boards)]
    rankings = material.rankings(board)
    if len(rankings) > 1:
        html += (f"<p>The lines of this board saw {len(rankings)} different sets of files; each set is compared within "
                 "itself.</p>")
    for found in rankings:
        html += f"<p>{escape(_tests(found))}</p>{tables.ranks(board, found, columns)}"
    read = "".join(f"<li>{escape(each)}</li>" for each in tables.HOW_TO_READ)
    html += f"<details><summary>How to read figures and tables</summary><ul>{read}</ul></details>"
    html += "".join(_metric(board, column, rankings, f"{here}-{place}", limits)
                    for place, column in enumerate(drawn(board, boards))) + not_drawn(board, boards, "rank_figure")
    found = kendall.agreement(board, columns if many(boards) else None)
    if found.methods.size and (found.methods >= 3).any():
        html += block("agreement", "Do metrics agree?", tables.agreement(found))
    return html


def _tests(found: Sequence[Ranking]) -> str:
    paired = {ranking.by_class.sum() > 1 for ranking in found}
    alone = [ranking.column.title for ranking in found if not ranking.by_class.all()]
    said = ("Lines are compared class by class, on the same images, which cancels what is hard for both."
            if paired != {False} else "")
    if alone:
        every = len(alone) == len(found)
        named = "on every metric" if every else "on " + ", ".join(printable(one, 40) for one in alone)
        said += (f" From rows alone, {named}, for lines whose class sums are not known: the rows' own intervals and "
                 "the spread of seeds add up, as if the images were others for each line; that is stricter. A line "
                 "with neither an interval nor several seeds cannot be told apart.")
    return said.strip()


def _metric(board: Board, column: Column, rankings: Sequence[Sequence[Ranking]], here: str,
            limits: Limits) -> str:
    html = "".join(_ranking(ranking, f"{here}-ranks-{turn}", limits) for turn, each in enumerate(rankings)
                   for ranking in each if ranking.column == column)
    html += _controls(board, column, f"{here}-controls", limits)
    return block(_title(column), _title(column).capitalize(), html) if html else ""


def _ranking(ranking: Ranking, here: str, limits: Limits) -> str:
    drawing = figure(rank_figure(ranking, limits.figure), f"Rank intervals: {_title(ranking.column)}", here)
    left = tables.left_out(limits.figure, len(ranking.lines))
    note = f'<p class="quiet">{left}</p>' if left else ""
    return (f"{drawing}{note}{tables.tie_groups(ranking)}{tables.wins(ranking, limits.matrix)}"
            f"{tables.pairs(ranking, limits.pairs)}")


def _controls(board: Board, column: Column, here: str, limits: Limits) -> str:
    found = beside_controls(board, column)[: limits.figure]
    if not found:
        return ""
    drawing = figure(control_figure(board, column, limits.figure), f"{_title(column).capitalize()} beside the best "
                     "control", here, "in the table below")
    return f"{drawing}<details><summary>The numbers</summary>{tables.controls(column, found)}</details>"


def _title(column: Column) -> str:
    return printable(column.title, 60)


def _over_data_sets(boards: Sequence[Board]) -> Section:
    said = ""
    shown = list({column.metric: column for board in boards for column in headlines(board)}.values())
    reasons: dict[str, list[str]] = {}
    for turn, column in enumerate(shown):
        for place, found in enumerate(friedman_blocks(boards, column.metric)):
            if found.enough:
                said += _critical_difference(CriticalDifference.of(found), f"cd-{turn}-{place}")
            else:
                reasons.setdefault(_why_not(found), []).append(_title(column))
    for reason, metrics in reasons.items():
        said += f"<p>{escape(', '.join(metrics).capitalize())}: {escape(reason)}</p>"
    lead = ("<p>Ranks of methods on several data sets or backbones under one protocol, averaged. Friedman's test asks "
            "whether any differ; Nemenyi's critical difference is how far apart two average ranks have to be (Demsar "
            "2006). Bars at the right join methods that are not told apart; where such groups are many, only the best "
            "group has one. Backbones on one data set are not independent of each other: with them it claims too "
            "much.</p>")
    return Section("over-data-sets", "Over data sets", lead + said)


def _why_not(found: Blocks) -> str:
    where = ", ".join(f"{printable(board.dataset, 40)} with {printable(board.backbone or 'no backbone', 40)}"
                      for board in found.boards[:6])
    return ("no diagram. It needs three methods that were scored on each of at least two data sets or backbones; "
            f"under protocol {printable(found.boards[0].protocol or 'unknown', 40)} there are {len(found.methods)} on "
            f"{len(found.boards)} ({where}).")


def _critical_difference(found: CriticalDifference, here: str) -> str:
    board, column = found.blocks.boards[0], found.blocks.column
    title = f"{_title(column)}, protocol {printable(board.protocol or 'unknown', 40)}"
    if board.split != "test":
        title += f", split {printable(board.split, 40)}"
    differ = (f"average ranks that are {found.difference:.2f} or more apart are told apart" if found.p_value < 0.05 else
              "that is no sign of any difference, so no two methods are told apart")
    said = (f"Friedman's chi-squared {found.chi_squared:.2f}, p {tables.p_value(found.p_value)}, "
            f"{len(found.blocks.methods)} methods on {len(found.blocks.boards)} boards: {differ}."
            f"{tables.left_out(_AVERAGED, len(found.blocks.methods), 'average rank')}")
    drawing = figure(critical_difference_figure(found, _AVERAGED), f"Average ranks: {title}", here,
                     "in the table below")
    left = ""
    if found.blocks.left_out:
        names = "; ".join(f"{printable(name, 60)} (not on {printable(', '.join(where), 300)})"
                          for name, where in list(found.blocks.left_out.items())[:20])
        more = len(found.blocks.left_out) - 20
        left = f"<p>Left out: {escape(names)}{f'; and {more} more' if more > 0 else ''}.</p>"
    table = tables.average_ranks(found)
    return block(_title(column), title.capitalize(), f"<p>{said}</p>{drawing}{left}<details><summary>The ranks"
                 f"</summary>{table}</details>")
