"""Curves: how a method's answer comes and goes with the pixels that it points at, and how its losses went down."""

from collections.abc import Sequence
from html import escape

from .. import curve_figures
from .. import page as old
from ..board import Board, Column, Line
from ..curves import CurveView, collect
from ..evidence import CURVES
from ..fragments import table, word
from ..losses import TOTAL, Losses, read_losses
from ..text import BLIND, heading, interval, line_name, number, printable
from .frame import Page, Section
from .leaderboard_page import anchor, facets
from .material import Material

_LEAD = ("How the probability of a class comes when the pixels that a method points at are put in (insertion: a fast "
         "rise is better), goes when they are taken away (deletion: a fast fall is better), and how its losses fell.")
_TERMS = 30
_TABLE = ("Areas under the mean curves, in per cent, with 95 % intervals: the leaderboard's scores. Beside each the "
          f"best of the controls that judge the method; {BLIND}: not told apart from it.")
_BANDS = ("<p>Means over images, then over seeds; bands are pointwise 95 % intervals over classes and seeds. A method "
          "with a higher curve for every pixel may still have sharper probabilities, not better evidence: compare it "
          "with its own controls, method by method below. Before training, probabilities are low whatever is deleted: "
          "that control's area under deletion is a floor which trained models do not reach.</p>")


def page(material: Material) -> Page | None:
    """None where no run left curves or losses."""
    sections = [section for board in material.boards if (section := _section(board, material))]
    return Page("curves", "Curves", "Curves", _LEAD, sections) if sections else None


def _section(board: Board, material: Material) -> Section | None:
    views, _ = collect(board, material.evidence, material.lines_each)
    lines = {line.group: line for line in reversed(board.lines)}  # the first level of each method
    shown = [line for line in board.lines if lines[line.group] is line]
    shown, left_out = shown[:material.lines_each], shown[material.lines_each:]
    curved = {view.line.group: view for view in views}
    methods = "".join(_method(line, curved.get(line.group), read_losses(material.results, line.run_ids[0]),
                              f"{anchor(board)}-{place}") for place, line in enumerate(shown))
    if not methods:
        return None
    overview = ""
    if views:
        drawn = "".join(old.figure(curve_figures.methods_compared(views, mode), f"{mode.capitalize()}, every method",
                                   f"{anchor(board)}-{mode}") for mode in CURVES)
        overview = f'{_table(board, views)}{_BANDS}<div class="figures">{drawn}</div>'
    return Section(anchor(board), printable(board.title),
                   f"{_left_out(left_out)}{overview}<h3>Method by method</h3>{methods}", facets(board))


def _left_out(lines: Sequence[Line]) -> str:
    if not lines:
        return ""
    names = ", ".join(line_name(line, 40) for line in lines[:8]) + (", …" if len(lines) > 8 else "")
    return f"<p>Not shown: {len(lines)} more methods, later in the order of accuracy ({escape(names)}).</p>"


def _table(board: Board, views: Sequence[CurveView]) -> str:
    columns = [column for column in board.columns if column.metric in CURVES]
    heads = [head for column in columns for head in (heading(column), "best control")]
    rows = [(line_name(view.line), [cell for column in columns for cell in _cells(board, view.line, column)])
            for view in views]
    return table(_TABLE, "method", heads, rows)


def _cells(board: Board, line: Line, column: Column) -> tuple[str, str]:
    score, control = line.scores.get(column.metric), board.best_control(column.metric, line)
    if score is None or score.value is None:
        return "", ""
    span = interval(score, column.unit)
    mark = f" {BLIND}" if control and board.separated(line, column.metric) is False else ""
    own = number(score.value, column.unit) + mark + (f' <span class="interval">{span}</span>' if span else "")
    if control is None:
        return own, ""
    name = line_name(control).rpartition(", ")[2]
    return own, (f"{number(control.scores[column.metric].value, column.unit)} "
                 f'<span class="interval">{escape(name)}</span>')


def _method(line: Line, view: CurveView | None, losses: Losses, address: str) -> str:
    """Folded away: its curves against its controls, and its losses; empty where it has neither."""
    if not view and not losses:
        return ""
    drawn = "" if not view else "".join(
        old.figure(curve_figures.method_against_controls(view, mode),
                   f"{mode.capitalize()}: {line_name(line, 60)} and its controls", f"{address}-{mode}")
        for mode in CURVES)
    images = sorted({band.images for _, bands in view.controls for band in bands.values()}) if view else []
    note = f'<p class="quiet">Controls: means over {" or ".join(map(str, images))} of the images.</p>' if images else ""
    drawn += old.figure(curve_figures.training_losses(losses),
                        f"Training: {line_name(line, 60)}, run {line.run_ids[0]}", f"{address}-losses",
                        "in the table below")
    return (f'<details id="{address}"><summary>{word(line_name(line))}</summary><div class="figures">{drawn}</div>'
            f"{note}{_losses(losses, line.run_ids[0])}</details>")


def _losses(losses: Losses, run_id: str) -> str:
    if not losses:
        return ""
    rows = [(term.replace("_", " "), [f"{points[0][1]:.4g}", f"{min(value for _, value in points):.4g}",
                                      f"{points[-1][1]:.4g}", str(points[-1][0])])
            for term, points in sorted(losses.items(), key=lambda item: item[0] != TOTAL)[:_TERMS]]
    return table(f"Weighted loss terms of run {run_id}, means over the steps of an epoch.", "term",
                 ["first epoch", "lowest", "last epoch", "epochs"], rows)
