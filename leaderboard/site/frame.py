"""The frame around a page: head, navigation between the pages, contents, and the files that all pages share."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from ..files import Folder
from ..fragments import STYLE as FRAGMENTS
from ..plotly_script import write_plotly_script
from ..style import STYLE

# Assets that all pages share; what later scripts build on comes first.
_STYLES = ("site.css", "evidence.css", "reported.css", "statistics.css", "runs.css")
_SCRIPTS = ("state.js", "figures.js", "sections.js", "copy.js", "tables.js")
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>$title</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="site.css">
$scripts
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
    """A part of a page: ``anchor`` is its address on the page, ``title`` is text, ``html`` is HTML.

    ``facets``: what readers may choose sections by, such as ``{"data set": "cub"}``; a page has a select box for every
    facet in which its sections differ.
    """

    anchor: str
    title: str
    html: str
    facets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """One page of the site; all but the sections is text.

    Attributes:
        name: of its file, without ``.html``.
        label: in the navigation.
        heading: over the page.
        lead: a sentence or two that say what the page shows.
        scripts: names of assets that this page alone needs.
    """

    name: str
    label: str
    heading: str
    lead: str
    sections: Sequence[Section]
    scripts: Sequence[str] = ()


def render(page: Page, pages: Sequence[Page]) -> str:
    """The HTML of a page, with links to all of ``pages``."""
    links = "".join(f'<li><a href="{escape(one.name)}.html"{_current(one, page)}>{escape(one.label)}</a></li>'
                    for one in pages)
    body = "\n".join(map(_section, page.sections))
    # Plotly's script takes longer to read than most pages: only those with figures have it.
    scripts = [*(["plotly.min.js"] if 'class="plot"' in body else []), "site.js", *page.scripts]
    title = "partbench" if page.name == "index" else f"{page.label} · partbench"
    return _PAGE.substitute(title=escape(title), heading=escape(page.heading), lead=escape(page.lead), pages=links,
                            contents=_contents(page.sections), body=body,
                            scripts="\n".join(f'<script src="{name}" defer></script>' for name in scripts))


def write_shared(report: Folder, pages: Sequence[Page]) -> None:
    """Write what pages need beside them: style, script, Plotly's, and the scripts of single pages."""
    write_plotly_script(report)
    report.write("".join((STYLE, FRAGMENTS, *map(_asset, _STYLES))).encode(), "site.css")
    report.write("".join(map(_asset, _SCRIPTS)).encode(), "site.js")
    for name in sorted({name for page in pages for name in page.scripts}):
        report.write(_asset(name).encode(), name)


def _section(section: Section) -> str:
    facets = f' data-facets="{escape(json.dumps(section.facets, ensure_ascii=False))}"' if section.facets else ""
    return (f'<section id="{escape(section.anchor)}"{facets}><h2>{escape(section.title)}</h2>\n{section.html}\n'
            "</section>")


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
