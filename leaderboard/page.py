"""The page around tables, figures and galleries: plain HTML that needs no network and no build step."""

import json
import re
from collections.abc import Sequence
from html import escape
from string import Template

from plotly import graph_objects as go

from .board import Board, Column, Failure, Line
from .style import SCRIPT, STYLE
from .text import BLIND, heading, interval, line_name, number, printable

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>$title</title>
<link rel="icon" href="data:,">
<style>$style</style>
</head>
<body>
<header>
$back<h1>$title</h1>
<p>$lead</p>
$contents
</header>
<main>
$body
</main>
$scripts
</body>
</html>
""")
_SCRIPTS = f'<script src="plotly.min.js"></script>\n<script>{SCRIPT}</script>'
_LEAD = ("Interpretable vision methods on equal terms: same backbone, same images, same metrics. Each table holds what "
         "may be compared; scores under another protocol, data set or backbone stand in another table.")


def page(sections: Sequence[tuple[str, str, str]], title: str = "partbench leaderboard", lead: str = _LEAD,
         style: str = "", scripted: bool = True, script: str = "", back: Sequence[tuple[str, str]] = ()) -> str:
    """The whole page of (anchor, title, HTML) sections, under a title and a sentence that says what it is.

    Args:
        style: further rules.
        scripted: with the script beside the page that draws :func:`figure`.
        script: a further one, which finds the drawn figures in ``plots``.
        back: addresses and labels of the pages that lead here.
    """
    ways = " · ".join(f'<a href="{escape(address)}">{escape(label)}</a>' for address, label in back)
    ways = f'<nav aria-label="Back">{ways}</nav>\n' if ways else ""
    links = "".join(f'<li><a href="#{anchor}">{escape(title)}</a></li>' for anchor, title, _ in sections)
    contents = f'<nav aria-label="Contents"><ul>{links}</ul></nav>' if len(sections) > 1 else ""
    body = "\n".join(f'<section id="{anchor}"><h2>{escape(title)}</h2>\n{html}\n</section>'
                     for anchor, title, html in sections)
    scripts = (_SCRIPTS if scripted else "") + (f"\n<script>{script}</script>" if script else "")
    return _PAGE.substitute(style=STYLE + style, scripts=scripts, contents=contents, body=body, title=escape(title),
                            lead=escape(lead), back=ways)


def scores(board: Board) -> str:
    """The table of a board, controls as its floor."""
    lines, floor = ("".join(_line(board, line) for line in some) for some in (board.lines, board.controls))
    heads = "".join(f'<th scope="col">{escape(heading(column))}</th>' for column in board.columns)
    head = (f'<tr><th scope="col">method</th><th scope="col">level</th><th scope="col">seeds</th>{heads}'
            '<th scope="col">training, minutes</th><th scope="col">trainable parameters</th></tr>')
    protocol, id_ = printable(board.protocol or "unknown"), printable(board.protocol_id)
    caption = (f"Protocol {escape(protocol)} (id {escape(id_)}), split {escape(printable(board.split))}. "
               "Fractions in per cent; means over seeds with 95 % intervals; n/a: does not apply; ↑ higher is better, "
               "↓ lower is better. In the order of accuracy: where intervals overlap, that is no ranking.")
    if floor:
        caption += (f" Last lines: controls, explanations that cannot know why a model answers as it does. {BLIND}: a "
                    "score that is not told apart from its best control's.")
    return (f'<div class="scroll" tabindex="0" role="region" aria-label="Scores: {escape(printable(board.title))}">'
            f"<table><caption>{caption}</caption><thead>{head}</thead><tbody>{lines}</tbody>"
            f'<tbody class="controls">{floor}</tbody></table></div>')


def _line(board: Board, line: Line) -> str:
    cells = "".join(f"<td>{_cell(board, line, column)}</td>" for column in board.columns)
    minutes = "" if line.train_seconds is None else f"{line.train_seconds / 60:.1f}"
    parameters = "" if line.trainable_parameters is None else f"{line.trainable_parameters:,}"
    level = "control" if line.is_control and not line.judges else escape(printable(line.level, 40))
    return (f'<tr><th scope="row">{name(line_name(line))}</th><td>{level}</td><td>{line.seeds}</td>{cells}'
            f"<td>{minutes}</td><td>{parameters}</td></tr>")


def _cell(board: Board, line: Line, column: Column) -> str:
    score = line.scores.get(column.metric)
    if score is None:
        return ""
    if score.value is None:
        return '<span class="interval">n/a</span>'
    span = interval(score, column.unit)
    shown = number(score.value, column.unit) + (f' <span class="interval">{span}</span>' if span else "")
    if board.separated(line, column.metric) is False:
        control = board.best_control(column.metric, line)
        told = f"not told apart from: {line_name(control)}, {number(control.scores[column.metric].value, column.unit)}"
        shown += f' <abbr title="{escape(told)}">{BLIND}</abbr>'
    return shown


def failures(found: Sequence[Failure]) -> str:
    """Runs without scores, and why."""
    rows = "".join(f'<tr><th scope="row">{escape(printable(f.name))}</th><td>{f.seed}</td>'
                   f"<td>{escape(f.status.replace('_', ' '))}</td><td>{escape(printable(f.run_id))}</td>"
                   f'<td class="error">{escape(printable(f.error, 600))}</td></tr>' for f in found)
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("method", "seed", "outcome", "run", "reason"))
    return ('<div class="scroll" tabindex="0" role="region" aria-label="Runs without scores"><table class="failures">'
            "<caption>Runs without scores. More: harness why RUN</caption>"
            f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>")


def figure(drawn: go.Figure | dict | None, title: str, anchor: str, numbers: str = "in the table above") -> str:
    """A figure, or its plain JSON, that the page's script draws when Plotly is there.

    A table holds the same numbers; ``numbers`` says where.
    """
    if drawn is None:
        return ""
    plain = drawn if isinstance(drawn, dict) else json.loads(drawn.to_json())
    height = plain["layout"]["height"]
    # In a script element only "<" can end the data early.
    data = json.dumps(plain, sort_keys=True).replace("<", "\\u003c")
    return (f'<figure><figcaption>{escape(title)}</figcaption><div class="plot" id="{anchor}" role="img" '
            f'aria-label="{escape(title)}; the numbers are {escape(numbers)}" '
            f'style="min-height:{height}px"></div>'
            f'<script type="application/json" data-for="{anchor}">{data}</script></figure>')


def name(text: str) -> str:
    """Escaped, and free to break after the marks that names are made of."""
    return re.sub("([_@])", r"\1<wbr>", escape(text))


def listing(lines: Sequence[str]) -> str:
    """Plain lines as a list."""
    return "<ul>" + "".join(f"<li>{escape(printable(line, 400))}</li>" for line in lines) + "</ul>"
