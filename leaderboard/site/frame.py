"""The frame around a page: head, navigation between the pages, contents, and the files that all pages share."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from ..files import Folder
from ..fragments import STYLE as FRAGMENTS
from ..plotly_script import write_plotly_script
from ..style import STYLE

_STYLES, _SCRIPTS = ("site.css", "evidence.css"), ("site.js", "gallery.js")  # assets that all pages share
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>$title</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="site.css">
<script src="plotly.min.js" defer></script>
<script src="site.js" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
<header>
<nav aria-label="Pages" class="pages"><ul>$pages</ul></nav>
<h1>$heading</h1>
<p>$lead</p>
$contents
</header>
<main id="content">
$body
</main>
</body>
</html>
""")


@dataclass(frozen=True)
class Section:
    """A part of a page: ``anchor`` is its address on the page, ``title`` is text, ``html`` is HTML."""

    anchor: str
    title: str
    html: str


@dataclass(frozen=True)
class Page:
    """One page of the site; all but the sections is text.

    Attributes:
        name: of its file, without ``.html``.
        label: in the navigation.
        heading: over the page.
        lead: a sentence or two that say what the page shows.
    """

    name: str
    label: str
    heading: str
    lead: str
    sections: Sequence[Section]


def render(page: Page, pages: Sequence[Page]) -> str:
    """The HTML of a page, with links to all of ``pages``."""
    links = "".join(f'<li><a href="{escape(one.name)}.html"{_current(one, page)}>{escape(one.label)}</a></li>'
                    for one in pages)
    body = "\n".join(f'<section id="{escape(each.anchor)}"><h2>{escape(each.title)}</h2>\n{each.html}\n</section>'
                     for each in page.sections)
    title = "partbench" if page.name == "index" else f"{page.label} · partbench"
    return _PAGE.substitute(title=escape(title), heading=escape(page.heading), lead=escape(page.lead), pages=links,
                            contents=_contents(page.sections), body=body)


def write_shared(report: Folder) -> None:
    """Write what all pages share beside them: style, script and Plotly's."""
    write_plotly_script(report)
    report.write("".join((STYLE, FRAGMENTS, *map(_asset, _STYLES))).encode(), "site.css")
    report.write("".join(map(_asset, _SCRIPTS)).encode(), "site.js")


def _current(one: Page, page: Page) -> str:
    return ' aria-current="page"' if one.name == page.name else ""


def _contents(sections: Sequence[Section]) -> str:
    if len(sections) < 2:
        return ""
    links = "".join(f'<li><a href="#{escape(each.anchor)}">{escape(each.title)}</a></li>' for each in sections)
    return f'<nav aria-label="On this page"><ul>{links}</ul></nav>'


@cache
def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")
