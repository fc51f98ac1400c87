"""A badge: two short texts side by side, as an SVG of its own that needs no font and no network."""

import unicodedata
from html import escape

_CHARACTER, _THIN, _WIDE, _PADDING, _HEIGHT = 6.8, 4.2, 12.0, 6, 20  # pixels at a font size of 11
_NARROW = set("iljtfr.,:;'|!()[] ·")
_LEFT, _RIGHT = "#3b3f45", "#005a9c"  # white on either is read with a contrast above 7


def badge_svg(left: str, right: str, title: str) -> str:
    """An SVG of 20 pixels in height, as wide as its texts.

    Args:
        left, right: text, cut to what a reader can be expected to take in by whoever gives it.
        title: what a screen reader says, and what stands under a resting mouse.
    """
    one, other = (_width(text) + 2 * _PADDING for text in (left, right))
    width = one + other
    texts = "".join(f'<text x="{x}" y="14" textLength="{_width(text)}" lengthAdjust="spacingAndGlyphs">'
                    f"{_escaped(text)}</text>" for x, text in ((_PADDING, left), (one + _PADDING, right)) if text)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT}" '
            f'viewBox="0 0 {width} {_HEIGHT}" role="img" aria-labelledby="t"><title id="t">{_escaped(title)}</title>'
            f'<rect width="{width}" height="{_HEIGHT}" rx="3" fill="{_LEFT}"/>'
            f'<path d="M{one} 0h{other - 3}a3 3 0 0 1 3 3v{_HEIGHT - 6}a3 3 0 0 1 -3 3h-{other - 3}z" fill="{_RIGHT}"/>'
            f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{texts}</g></svg>\n')


def _width(text: str) -> int:
    """Pixels that a text is given; it is stretched or pressed to fit."""
    return round(sum(_WIDE if unicodedata.east_asian_width(each) in "WF" else _THIN if each in _NARROW else _CHARACTER
                     for each in text))


def _escaped(text: str) -> str:
    """For XML, which has no place for some characters at all."""
    return escape("".join(each for each in text if each >= " " and not "\ud800" <= each <= "\udfff"
                          and each not in "\ufffe\uffff"))
