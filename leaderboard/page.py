"""A page that stands alone, beside the site or without it, and the pieces that all pages are made of."""

import json
import re
from collections.abc import Sequence
from html import escape
from string import Template

from plotly import graph_objects as go

from .style import SCRIPT, STYLE
from .text import printable

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


def page(sections: Sequence[tuple[str, str, str]], title: str, lead: str, style: str = "", scripted: bool = True,
         script: str = "", back: Sequence[tuple[str, str]] = ()) -> str:
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
