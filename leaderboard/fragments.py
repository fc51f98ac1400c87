"""Pieces of a page that carries its pictures in itself: tables, figures, and how they look."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from . import page
from .pictures import Colour
from .text import number, printable

STYLE = """
h3 { margin: 1.8rem 0 0.4rem; font-size: 1.05rem; }
.side { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
.side > figure { width: min(100%, 20rem); }
.side > .scroll { flex: 1 1 18rem; margin: 0; min-width: 0; }
.tiles { display: grid; gap: 1rem 0.8rem; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr));
  margin: 1rem 0; }
figure img { display: block; width: 100%; height: auto; border-radius: 3px; }
.tiles figcaption, .row figcaption { font-weight: 400; font-size: 0.875rem; line-height: 1.35; margin: 0.3rem 0 0; }
.quiet { color: var(--faint); font-size: 0.8125rem; }
.bar { display: inline-block; width: 6rem; height: 0.7em; margin-right: 0.5em; background: var(--band); }
.bar span { display: block; height: 100%; background: var(--link); }
.percent { display: inline-block; min-width: 4.2rem; }
.row { border-top: 1px solid var(--line); padding: 0.8rem 0; }
.row > div { display: grid; gap: 0.8rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 11rem), 1fr)); }
.row h4 { margin: 0 0 0.5rem; font-size: 0.9375rem; }
.row .own { padding-right: 0.8rem; border-right: 3px solid var(--line); }
.swatch { display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.35em; border-radius: 2px; }
.tree { width: 100%; min-width: 34rem; height: auto; display: block; font-size: 12px; }
.tree text { fill: currentColor; }
details { margin: 0.4rem 0 1rem; }
summary { cursor: pointer; color: var(--faint); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.8125rem; }
.numbers :is(td, th).words { text-align: left; overflow-wrap: anywhere; }
"""


def table(caption: str, corner: str, heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]],
          words: bool = False) -> str:
    """Rows of (head, cells); cells are HTML, the rest is text.

    Args:
        words: the cells are words and not numbers.
    """
    kind = ' class="words"' if words else ""
    columns = "".join(f'<th scope="col"{kind}>{word(head)}</th>' for head in (corner, *heads))
    body = "".join(f'<tr><th scope="row">{word(name)}</th>' + "".join(f"<td{kind}>{cell}</td>" for cell in cells)
                   + "</tr>" for name, cells in rows)
    return scroll(f'<table class="numbers"><caption>{escape(caption)}</caption><thead><tr>{columns}</tr></thead>'
                  f"<tbody>{body}</tbody></table>", caption)


def scroll(html: str, label: str) -> str:
    """What may be wider than the page."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(printable(label))}">{html}</div>'


def figure(picture: bytes, alt: str, caption: str, kind: str = "") -> str:
    """A JPEG with a caption in HTML."""
    kind = f' class="{kind}"' if kind else ""
    return (f'<figure{kind}><img src="{address(picture)}" alt="{escape(printable(alt))}" loading="lazy">'
            f"<figcaption>{caption}</figcaption></figure>")


def address(picture: bytes) -> str:
    """The JPEG itself, where an address is expected."""
    return f"data:image/jpeg;base64,{b64encode(picture).decode()}"


def bar(fraction: float) -> str:
    """A fraction as a bar and in per cent."""
    return (f'<span class="bar"><span style="width:{100 * fraction:.1f}%"></span></span>'
            f'<span class="percent">{percent(fraction)}</span>')


def swatch(colour: Colour) -> str:
    return f'<span class="swatch" style="background:rgb{colour}"></span>'


def percent(fraction: float) -> str:
    return f"{number(fraction, 'fraction')} %"


def word(value: object) -> str:
    """Escaped, on one line, free to break where names do."""
    return page.name(printable(value, 400))
