"""Matrices as tables whose cells are shaded: the number is there to be read, the shade to be seen from afar."""

from collections.abc import Sequence
from html import escape

from ..fragments import scroll, word

Cells = Sequence[tuple[float, str]]
"""How strongly each is shaded, in [0, 1], and its HTML."""
Rows = Sequence[tuple[str, Cells]]


def heat(caption: str, corner: str, heads: Sequence[str], rows: Rows, floor: Rows = (),
         label: str = "") -> str:
    """A table whose cells are shaded, with rows of controls below; heads and names are text.

    Args:
        label: what screen readers call it; its caption by default, which several tables of a page may share.
    """
    columns = "".join(f'<th scope="col">{word(head)}</th>' for head in (corner, *heads))
    below = f'<tbody class="controls">{"".join(map(_row, floor))}</tbody>' if floor else ""
    return scroll(f'<table class="numbers heat"><caption>{escape(caption)}</caption><thead><tr>{columns}</tr></thead>'
                  f"<tbody>{''.join(map(_row, rows))}</tbody>{below}</table>", label or caption)


def _row(row: tuple[str, Cells]) -> str:
    name, cells = row
    return f'<tr><th scope="row">{word(name)}</th>' + "".join(
        f'<td style="--heat:{strength:.2f}">{shown}</td>' if strength else f"<td>{shown}</td>"
        for strength, shown in cells) + "</tr>"
