"""Tables of the statistics page: ranks, wins, pairs, controls, agreement, average ranks. All text is escaped here."""

from collections.abc import Sequence
from itertools import combinations
from math import isfinite, isnan

import numpy as np

from .. import fragments, page
from ..board import Board, Column, Line
from ..comparison import Pair, Ranking
from ..control_figures import Beside
from ..critical_difference import CriticalDifference
from ..kendall import Agreement
from ..rank_figures import best_first
from ..text import heading, interval, line_name, number, printable
from .ranks import Ranks

_RANKS = ("Ranks that the tests leave possible: 1\u20133 lies somewhere between first and third, and all ranks of a "
          "column hold together with 95 % chance (Holm's correction over all pairs). Last line: the smallest "
          "difference that one test of two lines shows with 80 % power, the median over pairs, in points where scores "
          "are per cent.")
HOW_TO_READ = (
    "Rank intervals: a bar holds every rank that the tests leave possible, a dot stands at the rank by score alone; "
    "blue lines are not told apart from the best.",
    "Groups of ties: lines that are not told apart from the first of their group; two others of it may still differ.",
    "Matrices: effect size of the row over the column, above 0 where the row has the better score. It is the "
    "difference in standard deviations over classes (d_z), or over seeds (d) where rows alone are known; a dash where "
    "there is but one class or seed. ▲: told apart, and better; ▼: told apart, and worse, at the 5 % level with "
    "Holm's correction over all pairs; without a mark: not told apart.",
    "Pairs: score of the first minus score of the second, with its 95 % interval, in points where scores are per "
    "cent; p after Holm's correction over all pairs of the metric, also those that are not listed.",
    "Controls: filled where a line is better than the best control that it has to beat, by a test at the 5 % level, "
    "each line for itself.")
_AGREEMENT = ("Kendall's tau-b between the orders of methods that two metrics give, better first: 1 is the same order, "
              "\u22121 the reverse, 0 none of both. n/a: fewer than three methods have both, or a metric gives all the "
              "same score. Differences within the noise count as order here.")


def ranks(board: Board, found: Sequence[Ranking], columns: Sequence[Column]) -> str:
    """Rank intervals of every line on some metrics, and under them the smallest detectable differences."""
    looked, by_metric = Ranks([found]), {ranking.column.metric: ranking for ranking in found}
    columns = [column for column in columns if column.metric in by_metric]
    rows = [(line_title(line), [_rank(looked.of(line, column.metric)) for column in columns]) for line in board.lines
            if any(looked.of(line, column.metric) for column in columns)]
    least = [by_metric[column.metric].detectable for column in columns]
    shown = [number(value, column.unit) if isfinite(value) else ""
             for value, column in zip(least, columns, strict=True)]
    return fragments.table(_RANKS, "line", [heading(column) for column in columns],
                           [*rows, ("smallest difference shown", shown)])


def wins(ranking: Ranking, most: int) -> str:
    """Who is better than whom, the best by score first."""
    order = best_first(ranking)[:most]
    sign = 1 if ranking.column.higher_is_better else -1
    rows = [(f"{at} {line_title(ranking.lines[row])}", [_win(ranking, row, column, sign) for column in order])
            for at, row in enumerate(order, 1)]
    caption = f"Effect sizes on {_title(ranking)}, rows over columns.{left_out(len(order), len(ranking.lines))}"
    return fragments.table(caption, "line", [str(at) for at in range(1, len(order) + 1)], rows)


def pairs(ranking: Ranking, most: int) -> str:
    """Every pair of the best lines: difference, interval, p and effect size, folded away."""
    order = sorted(best_first(ranking)[:most])
    rows = [_pair(ranking, ranking.pair(one, other)) for one, other in combinations(order, 2)]
    caption = f"Pairs on {_title(ranking)}, first minus second.{left_out(len(order), len(ranking.lines))}"
    table = fragments.table(caption, "pair", ["difference", "interval", "p", "effect size", "tested on"], rows)
    return f"<details><summary>Pairs, with differences and p-values</summary>{table}</details>"


def tie_groups(ranking: Ranking, most: int = 12) -> str:
    """Lines that are not told apart from the first of their group, best group first."""
    said = []
    for group in ranking.groups:
        names = ", ".join(page.name(line_title(line)) for line in group[:most])
        said.append(f"<li>{names}{f' and {len(group) - most} more' if len(group) > most else ''}</li>")
    shown = "".join(said[:most]) + (f"<li>and {len(said) - most} more groups</li>" if len(said) > most else "")
    return f"<p>Groups of ties, best first:</p><ol>{shown}</ol>"


def controls(column: Column, found: Sequence[Beside]) -> str:
    """Each line's score beside its best control's."""
    def cells(each: Beside) -> list[str]:
        score, floor = each.line.scores[column.metric], each.control.scores[column.metric]
        return [_score(number(score.value, column.unit), interval(score, column.unit)),
                page.name(line_name(each.control)),
                _score(number(floor.value, column.unit), interval(floor, column.unit)),
                "better" if each.told_apart else "not told apart, or worse"]
    caption = f"{printable(column.title, 60).capitalize()} of each line beside the best control that it has to beat."
    return fragments.table(caption, "line", [heading(column), "best control", "its score", "verdict"],
                           [(line_title(each.line), cells(each)) for each in found])


def agreement(found: Agreement) -> str:
    """Kendall's tau-b of every two metrics, shaded by its size."""
    names = [printable(column.title, 40) for column in found.columns]
    rows = [(f"{at} {name}", [_tau(tau) for tau in taus])
            for at, (name, taus) in enumerate(zip(names, found.taus, strict=True), 1)]
    return fragments.table(_AGREEMENT, "metric", [str(at) for at in range(1, len(names) + 1)], rows)


def average_ranks(found: CriticalDifference) -> str:
    """Ranks of every method on every board, and their average."""
    order = np.argsort(found.average, kind="stable")
    rows = [(found.blocks.methods[place], [f"{found.average[place]:.2f}", *(
        f"{rank:g}" for rank in found.ranks[:, place])]) for place in order]
    heads = [f"{printable(board.dataset, 40)} · {printable(board.backbone or 'no backbone', 40)}"
             for board in found.blocks.boards]
    return fragments.table("Ranks on each data set and backbone; ties share the mean of their ranks.", "method",
                           ["average rank", *heads], rows)


def left_out(shown: int, of: int, by: str = "score") -> str:
    """Says that a table or figure is not of all; nothing where it is."""
    return f" Shown: the best {shown} of {of} by {by}." if shown < of else ""


def line_title(line: Line) -> str:
    """A line's name with its level."""
    return line_name(line) if line.level == "final" else f"{line_name(line)} · {printable(line.level, 40)}"


def _title(ranking: Ranking) -> str:
    return printable(ranking.column.title, 60)


def _win(ranking: Ranking, row: int, column: int, sign: int) -> str:
    if row == column:
        return ""
    effect = sign * float(ranking.effects[row, column])
    endless = "\u221e" if effect > 0 else "\u2212\u221e"
    shown = "\u2013" if isnan(effect) else f"{round(effect, 1) + 0:.1f}" if isfinite(effect) else endless
    if ranking.better[row, column]:
        return f'<b class="win">\u25b2\u00a0{shown}</b>'
    return f'<b class="loss">\u25bc\u00a0{shown}</b>' if ranking.better[column, row] else shown


def _pair(ranking: Ranking, pair: Pair) -> tuple[str, list[str]]:
    found, unit = pair.found, ranking.column.unit
    span = f"[{number(found.low, unit)}, {number(found.high, unit)}]" if isfinite(found.low + found.high) else ""
    return f"{line_title(pair.first)} and {line_title(pair.second)}", [
        number(found.difference, unit), span, p_value(pair.p_holm),
        f"{found.effect_size:.2f}" if isfinite(found.effect_size) else "", pair.test]


def p_value(p: float) -> str:
    """HTML of a p-value."""
    return "&lt; 0.001" if p < 0.001 else f"{p:.3f}"


def _tau(tau: float) -> str:
    if isnan(tau):
        return "n/a"
    kind = "win" if tau > 0 else "loss"
    return f'<b class="{kind}" style="--size:{abs(tau):.2f}">{tau:.2f}</b>'


def _score(value: str, span: str) -> str:
    return f'{value} <span class="interval">{span}</span>' if span else value


def _rank(rank: object) -> str:
    return "" if rank is None else str(rank)
