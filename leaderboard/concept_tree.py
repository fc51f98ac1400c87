"""How fine parts are gathered into few: a drawing of lines between two rows of pictures, as SVG in the page."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from .pictures import Colour
from .text import number, printable

_SIDE, _STEP, _GAP, _MARGIN = 60, 68, 120, 18  # pixels: a picture, from picture to picture, between the rows, for names
_LINE, _LEAST = 12.0, 0.05  # pixels of a share of one; smaller shares are not drawn
_FAINT, _STRONG = 0.1, 0.85  # opacity of the lines of a part that is not on the image, and of one that is


class Node(NamedTuple):
    """A part: the address of its picture, its name, and in [0, 1] how far it is on the image."""

    address: str
    name: str
    presence: float = 1.0


def concept_tree(fine: Sequence[Node], final: Sequence[Node], shares: Sequence[Sequence[float]],
                 palette: Sequence[Colour]) -> str:
    """Fine parts above, final parts below, a line as thick as each share; faint where the fine part is hardly there.

    Args:
        shares: [K][N], in [0, 1], of K fine parts in N final ones.
        palette: N colours, of the lines into each final part.
    """
    width = _STEP * max(len(fine), len(final))
    below = _MARGIN + _SIDE + _GAP
    starts, ends = _centres(len(fine), width), _centres(len(final), width)
    lines = "".join(_line(starts[k], ends[n], share, part, final[n].name, palette[n])
                    for k, part in enumerate(fine) for n, share in enumerate(shares[k]) if share >= _LEAST)
    nodes = "".join(_node(part, x, _MARGIN, _MARGIN - 5) for part, x in zip(fine, starts, strict=True))
    nodes += "".join(_node(part, x, below, below + _SIDE + 14) for part, x in zip(final, ends, strict=True))
    return (f'<svg class="tree" viewBox="0 0 {width} {below + _SIDE + _MARGIN}" style="max-width:{width}px" role="img" '
            f'aria-label="lines from fine parts to final parts">{lines}{nodes}</svg>')


def _centres(count: int, width: float) -> list[float]:
    """Of ``count`` pictures, spread over the width."""
    return [(i + 0.5) * width / count for i in range(count)]


def _line(start: float, end: float, share: float, part: Node, final: str, colour: Colour) -> str:
    top, middle, low = (_MARGIN + _SIDE + gap for gap in (0, _GAP // 2, _GAP))
    opacity = _FAINT + (_STRONG - _FAINT) * part.presence
    said = escape(printable(f"part {part.name} in final part {final}: {number(share, 'fraction')} %"))
    return (f'<path d="M{start:.1f} {top} C{start:.1f} {middle} {end:.1f} {middle} {end:.1f} {low}" fill="none" '
            f'stroke="rgb{colour}" stroke-opacity="{opacity:.2f}" stroke-width="{_LINE * share:.1f}">'
            f"<title>{said}</title></path>")


def _node(part: Node, x: float, y: int, name_at: int) -> str:
    return (f'<image href="{part.address}" x="{x - _SIDE / 2:.1f}" y="{y}" width="{_SIDE}" height="{_SIDE}"/>'
            f'<text x="{x:.1f}" y="{name_at}" text-anchor="middle">{escape(printable(part.name, 20))}</text>')
