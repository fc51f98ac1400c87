"""Trade-offs: accuracy against what explanations are worth, methods over all metrics, and what training costs."""

from collections.abc import Sequence
from html import escape

from .. import fragments
from ..board import Board, Column
from ..page import figure
from ..text import cell, heading, number, printable
from ..tradeoff_figures import cost_figure, radar_figure, trade_off_figure
from ..tradeoffs import chosen, scales, trade_off
from .blocks import block, drawn, not_drawn
from .frame import Page, Section
from .headlines import headlines
from .leaderboard_page import anchor, facets
from .material import Material
from .statistics_tables import line_title

_LEAD = ("Accuracy against what explanations are worth, and what both cost. Points that the tests of a board do not "
         "tell apart are not called better, however far apart they are drawn.")
_FRONT = ("Filled points are in the front: no other line is told apart from them as better on both accuracy and this "
          "metric, by the tests of the statistics page. So a point within the noise of the front belongs to it. The "
          "dotted stairs run through the best scores as they are seen, without regard to noise. Lines across a point: "
          "95 % intervals.")
_RADAR = ("Outwards is better on every metric. 0 is what needs no evidence: the best control that a line has to beat; "
          "where no line has a control, what the table says. 1 is the largest lead over it. A line that is not above "
          "its floor is drawn at 0. A click on a name hides or shows it. Differences may be noise: the statistics page "
          "says which are not.")
_COSTS = (("minutes", "minutes of training"), ("parameters", "trainable parameters"))


def page(material: Material) -> Page | None:
    """None where no board has anything to draw."""
    sections = [Section(anchor(board), printable(board.title), html, facets(board)) for board in material.boards
                if (html := _board(board, material))]
    return Page("tradeoffs", "Trade-offs", "Trade-offs", _LEAD, sections) if sections else None


def _board(board: Board, material: Material) -> str:
    here, columns = anchor(board), headlines(board)
    against = "".join(_against(board, column, material, f"{here}-{place}")
                      for place, column in enumerate(drawn(board, material.boards)) if column.metric != "accuracy")
    if against:
        against = f"<p>{escape(_FRONT)}</p>{against}{not_drawn(board, material.boards, 'trade_off_figure')}"
    return (against + _radar(board, columns, f"{here}-radar")
            + _cost(board, f"{here}-cost"))


def _against(board: Board, column: Column, material: Material, here: str) -> str:
    points = trade_off(board, column, material.rankings(board))
    if not points:
        return ""
    title = printable(column.title, 60)
    drawing = figure(trade_off_figure(board, column.metric, material.rankings(board)), f"Accuracy against {title}",
                     here, "in the table below")
    rows = [(line_title(point.line), [cell(point.accuracy, "fraction"), cell(point.other, column.unit),
                                      "yes" if point.in_front else "", "yes" if point.seen_in_front else ""])
            for point in points]
    table = fragments.table(f"Accuracy and {title}, with 95 % intervals; fractions in per cent", "line",
                            ["accuracy\u00a0↑", heading(column), "in the front", "in the front as seen"], rows)
    return block(title, title.capitalize(), f"{drawing}<details><summary>The numbers</summary>{table}</details>")


def _radar(board: Board, columns: Sequence[Column], here: str) -> str:
    scaled = scales(board, columns)
    if not scaled:
        return ""
    drawing = radar_figure(board, columns)
    beaten = ", ".join(printable(scale.column.title, 60) for scale in scaled if not scale.largest)
    places = chosen(board, scaled)
    methods = len({line.group for line in board.lines})
    rows = [(line_title(board.lines[place]), ["" if scale.shares[place] is None else f"{scale.shares[place]:.2f}"
                                              for scale in scaled]) for place in places]
    ends = [("0 stands for", [scale.floor for scale in scaled]),
            ("1 stands for a lead of", [number(scale.largest, scale.column.unit) for scale in scaled])]
    left = (f" Shown are {len(places)} of {methods} methods: those with most of these metrics, then the highest mean "
            "on this scale." if len(places) < methods else "")
    table = fragments.table("Leads over the floor, as shares of the largest lead", "line",
                            [heading(scale.column) for scale in scaled], [*rows, *ends])
    beaten = f" No line is above its floor on: {beaten}." if beaten else ""
    few = "" if drawing else " On fewer than three metrics is any line above its floor, so there is no figure."
    shown = figure(drawing, "Leads over the best control", here, "in the table below")
    return block("radar", "Methods over metrics", f"<p>{escape(_RADAR + beaten + left + few)}</p>{shown}"
                 f"<details><summary>The numbers</summary>{table}</details>")


def _cost(board: Board, here: str) -> str:
    drawing = "".join(figure(cost_figure(board, cost, metric), f"{title} against {words}", f"{here}-{cost}-{metric}",
                             "on the leaderboard page")
                      for metric, title in (("accuracy", "Accuracy"), ("consistency_gain", "Consistency gain"))
                      for cost, words in _COSTS)
    if not drawing:
        return ""
    return block("cost", "What training costs", "<p>Time is of the machines that the runs had: compare it only where "
                 f'they are alike.</p><div class="figures">{drawing}</div>')
