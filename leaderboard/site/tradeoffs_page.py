"""Trade-offs: accuracy against what explanations are worth, methods over all metrics, and what training costs."""

from collections.abc import Sequence
from html import escape

from .. import fragments
from ..board import Board, Column
from ..page import figure
from ..text import cell, heading, number, printable
from ..tradeoff_figures import cost_figure, radar_figure, trade_off_figure
from ..tradeoffs import chosen, scales, trade_off
from .blocks import block
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
_RADAR = ("Outwards is better on every metric. 1 is the best line's score; 0 is what needs no evidence: the best "
          "control's score, or, where no control has the metric, the worst that is possible (the worst line's where there "
          "is no such bound). Scores below 0 are drawn at 0. A click on a name hides or shows it. Differences may be "
          "noise: the statistics page says which are not.")
_COSTS = (("minutes", "minutes of training"), ("parameters", "trainable parameters"))


def page(material: Material) -> Page | None:
    """None where no board has anything to draw."""
    sections = [Section(anchor(board), printable(board.title), html, facets(board)) for board in material.boards
                if (html := _board(board, material))]
    return Page("tradeoffs", "Trade-offs", "Trade-offs", _LEAD, sections) if sections else None


def _board(board: Board, material: Material) -> str:
    here, columns = anchor(board), headlines(board)
    html = "".join(_against(board, column, material, f"{here}-{place}") for place, column in enumerate(columns)
                   if column.metric != "accuracy")
    return html + _radar(board, columns, f"{here}-radar") + _cost(board, f"{here}-cost")


def _against(board: Board, column: Column, material: Material, here: str) -> str:
    points = trade_off(board, column, material.rankings(board))
    if not points:
        return ""
    title = printable(column.title, 60)
    drawn = figure(trade_off_figure(board, column.metric, material.rankings(board)), f"Accuracy against {title}", here,
                   "in the table below")
    rows = [(line_title(point.line), [cell(point.accuracy, "fraction"), cell(point.other, column.unit),
                                      "yes" if point.in_front else "", "yes" if point.seen_in_front else ""])
            for point in points]
    table = fragments.table(f"Accuracy and {title}, per cent where they are fractions", "line",
                            ["accuracy ↑", heading(column), "in the front", "in the front as seen"], rows)
    return block(title, f"Accuracy against {title}", f"<p>{escape(_FRONT)}</p>{drawn}<details><summary>The numbers"
                 f"</summary>{table}</details>")


def _radar(board: Board, columns: Sequence[Column], here: str) -> str:
    drawn = radar_figure(board, columns)
    if drawn is None:
        return ""
    scaled = scales(board, columns)
    lines = chosen(board, scaled)
    methods = len({line.group for line in board.lines})
    rows = [(line_title(line), ["" if value is None else f"{value:.2f}" for scale in scaled
                                for value in [scale.of(line.scores.get(scale.column.metric))]]) for line in lines]
    ends = [(f"{end} stands for", [told(scale) for scale in scaled]) for end, told in (
        ("0", lambda scale: f"{number(scale.floor, scale.column.unit)}, {scale.floor_is}"),
        ("1", lambda scale: number(scale.best, scale.column.unit)))]
    left = (f" Shown are {len(lines)} of {methods} methods: those with most of these metrics, then the highest mean on "
            "this scale." if len(lines) < methods else "")
    table = fragments.table("Scores on the scale of the figure", "line", [heading(scale.column) for scale in scaled],
                            [*rows, *ends])
    return block("all metrics", "Methods over metrics", f"<p>{escape(_RADAR + left)}</p>"
                 f"{figure(drawn, 'Methods over metrics', here, 'in the table below')}<details><summary>The numbers"
                 f"</summary>{table}</details>")


def _cost(board: Board, here: str) -> str:
    drawn = "".join(figure(cost_figure(board, cost, metric), f"{metric.replace('_', ' ').capitalize()} against {words}",
                           f"{here}-{cost}-{metric}", "on the leaderboard page")
                    for metric in ("accuracy", "consistency_gain") for cost, words in _COSTS)
    if not drawn:
        return ""
    return block("cost", "What training costs", "<p>Time is of the machines that the runs had: compare it only where "
                 f'they are alike.</p><div class="figures">{drawn}</div>')
