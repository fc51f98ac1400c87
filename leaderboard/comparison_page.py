"""The page's tables of comparisons: ranks of a board's lines on every metric, and under them every pair."""

from collections.abc import Sequence
from html import escape
from math import isfinite

from . import page
from .board import Board, Line
from .comparison import Pair, Ranking, rankings
from .text import heading, line_name, number, printable

_RANKS = ("Ranks from paired tests over classes and seeds: 1\u20133 lies somewhere between first and third, and all "
          "ranks of a column hold together with 95 % chance (Holm's correction over all pairs). Last line: the "
          "smallest difference between trained models that one test on so many images and classes shows with 80 % "
          "power, the median over pairs, in points where scores are per cent; over a few seeds only larger ones show.")
_PAIRS = ("Difference: score of the first minus score of the second, with its 95 % interval; in points where scores "
          "are per cent. p: after Holm's correction over all pairs of a metric. d_z: the difference in standard "
          "deviations over classes.")


def comparisons(board: Board) -> str:
    """A table of ranks and, folded away, one of pairs; nothing where no two lines can be compared."""
    return "".join(_ranks(board, each) + _folded(each) for each in rankings(board))


def _ranks(board: Board, found: Sequence[Ranking]) -> str:
    ranks = [{(line.group, line.level): rank for line, rank in zip(ranking.lines, ranking.ranks, strict=True)}
             for ranking in found]
    cells = [(line, [_rank(of_metric.get((line.group, line.level))) for of_metric in ranks]) for line in board.lines]
    body = "".join(_row(_name(line), shown) for line, shown in cells if any(shown))
    least = _row("smallest difference shown", [
        number(each.detectable, each.column.unit) if isfinite(each.detectable) else "" for each in found])
    return _table("Ranks", _RANKS, ["line", *(heading(each.column) for each in found)],
                  f'<tbody>{body}</tbody><tbody class="controls">{least}</tbody>', "numbers")


def _folded(found: Sequence[Ranking]) -> str:
    ties = "".join(f"<li>{escape(printable(ranking.column.title, 60))}: {_groups(ranking)}</li>" for ranking in found)
    body = "".join(_pair(ranking, pair) for ranking in found for pair in ranking.pairs)
    table = _table("Pairs", _PAIRS, ["pair", "metric", "difference", "p", "d_z"], f"<tbody>{body}</tbody>")
    return ("<details><summary>Every pair of lines, and which are tied</summary>"
            "<p>Lines that are not told apart from the first of their group, best group first:</p>"
            f"<ul>{ties}</ul>{table}</details>")


def _groups(ranking: Ranking) -> str:
    return " | ".join(", ".join(page.name(_name(line)) for line in group) for group in ranking.groups)


def _pair(ranking: Ranking, pair: Pair) -> str:
    found, unit = pair.found, ranking.column.unit
    span = ""
    if isfinite(found.low) and isfinite(found.high):
        span = f' <span class="interval">[{number(found.low, unit)}, {number(found.high, unit)}]</span>'
    return _row(f"{_name(pair.first)} and {_name(pair.second)}", [
        escape(printable(ranking.column.title, 60)), number(found.difference, unit) + span,
        "&lt; 0.001" if pair.p_holm < 0.001 else f"{pair.p_holm:.3f}",
        f"{found.effect_size:.2f}" if isfinite(found.effect_size) else ""])


def _name(line: Line) -> str:
    return line_name(line) if line.level == "final" else f"{line_name(line)} · {printable(line.level, 40)}"


def _rank(rank: tuple[int, int] | None) -> str:
    if rank is None:
        return ""
    best, worst = rank
    return str(best) if best == worst else f"{best}\u2013{worst}"


def _row(name: str, cells: Sequence[str]) -> str:
    """Cells are HTML."""
    return f'<tr><th scope="row">{page.name(name)}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _table(label: str, caption: str, heads: Sequence[str], body: str, look: str = "") -> str:
    columns = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return (f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table class="{look}">'
            f"<caption>{escape(caption)}</caption><thead><tr>{columns}</tr></thead>{body}</table></div>")
