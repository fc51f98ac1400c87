"""A board as a LaTeX table."""

import re
from collections.abc import Sequence

from ...errors import unknown
from ..board import Board, Column, Line
from ..comparison import rankings
from ..text import interval, line_name, number, printable
from .headlines import headlines
from .ranks import Ranks

_SPECIAL = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
            "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
            ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "[": "{[}", "]": "{]}", "*": "{*}",
            "≈": r"$\approx$", "·": r"$\cdot$", "\u2013": "--", "\u00a0": "~", "…": r"\ldots{}"}
_PREAMBLE = "% \\usepackage{booktabs}\n\\providecommand{\\ci}[1]{{\\scriptsize [#1]}}\n"
_NEEDED = re.compile("|".join(map(re.escape, _SPECIAL)))


def latex_table(board: Board, metrics: Sequence[str] | None = None, ranks: Ranks | None = None) -> str:
    r"""A ``table`` with booktabs' rules: a row for each method and level, below them the controls.

    Means over seeds with 95 % intervals, fractions in per cent. The best score of a column is bold only where it is
    told apart from every other by the board's test. Text is escaped; what is not Latin needs XeLaTeX or LuaLaTeX.

    Args:
        metrics: columns, in this order; the board's headline metrics by default.
        ranks: of the board where they are known already.

    Raises:
        UserError: the board has no such metric.
    """
    known = {column.metric: column for column in board.columns}
    for metric in metrics or ():
        if metric not in known:
            raise unknown("metric of this board", metric, known)
    columns = headlines(board) if metrics is None else [known[metric] for metric in metrics]
    ranks = Ranks(rankings(board)) if ranks is None else ranks
    body, floor = ([_row(line, columns, ranks) for line in lines] for lines in (board.lines, board.controls))
    heads = " & ".join(["Method", *map(_head, columns)])
    rows = "\n".join([*body, *([r"\midrule"] if body and floor else []), *floor])
    caption = (f"{escaped(printable(board.title))}: means over seeds with 95\\,\\% intervals, fractions in per cent. "
               "Bold: told apart from every other method of the column (5\\,\\% level, Holm's correction over pairs)."
               + (" Below the rule: controls." if floor else ""))
    return (f"{_PREAMBLE}\\begin{{table}}\n\\centering\n\\caption{{{caption}}}\n"
            f"\\begin{{tabular}}{{l{'r' * len(columns)}}}\n\\toprule\n{heads} \\\\\n\\midrule\n{rows}\n\\bottomrule\n"
            "\\end{tabular}\n\\end{table}\n")


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return _NEEDED.sub(lambda found: _SPECIAL[found[0]], text)


def _head(column: Column) -> str:
    arrow = r"$\uparrow$" if column.higher_is_better else r"$\downarrow$"
    return f"{escaped(printable(column.title, 60))} {arrow}"


def _row(line: Line, columns: Sequence[Column], ranks: Ranks) -> str:
    name = line_name(line) + ("" if line.is_control or line.level == "final" else f" · {printable(line.level, 40)}")
    return " & ".join([escaped(name), *(_cell(line, column, ranks) for column in columns)]) + r" \\"


def _cell(line: Line, column: Column, ranks: Ranks) -> str:
    score, rank = line.scores.get(column.metric), ranks.of(line, column.metric)
    if score is None or score.value is None:
        return "n/a" if score else "--"
    value = number(score.value, column.unit)
    shown = rf"\textbf{{{value}}}" if rank and (rank.best, rank.worst) == (1, 1) else value
    span = interval(score, column.unit)
    return rf"{shown} \ci{{{span[1:-1]}}}" if span else shown
