"""The tables of published numbers: beside ours, and those without a run."""

from collections.abc import Iterable, Sequence
from html import escape

from ..fragments import scroll, word
from ..published import Published
from ..reproduction import Reproduction

Cell = tuple[str, str]
"""HTML, and the number it is sorted by."""
_BESIDE = ("method", "measured", "published", "ours", "outcome", "why, and what is not known", "source")
_MISSING = ("method", "metric", "published", "backbone", "protocol", "why there is no run", "source")


def beside_table(found: Sequence[Reproduction]) -> str:
    """Published numbers that a run stands beside."""
    rows = ((word(one.published.name), _measured(one.published), _published(one.published),
             (_ours(one), f"{one.ours.score.value:.4g}"), _outcome(one), _why(one), _source(one.published))
            for one in found)
    return _table("reported-table", "Every published number that a run stands beside; our values with 95 % intervals.",
                  _BESIDE, rows)


def missing_table(dataset: str, found: Sequence[Reproduction]) -> str:
    """Published numbers on a data set that no run stands beside."""
    rows = ((word(one.published.name), word(one.published.metric.replace("_", " ")), _published(one.published),
             _backbone(one.published), word(one.published.protocol), word("; ".join(one.reasons)),
             _source(one.published)) for one in found)
    return _table("", f"Published on {dataset}, without a run beside it.", _MISSING, rows)


def points(difference: float) -> str:
    """A difference of fractions, in points of a per cent with its sign."""
    shown = f"{100 * difference:+.1f}"
    return shown.replace("-", "\N{MINUS SIGN}") + (" point" if abs(float(shown)) == 1 else " points")


def _table(identity: str, caption: str, heads: Sequence[str], rows: Iterable[Sequence[str | Cell]]) -> str:
    """The first cell of a row is its head; with an ``identity`` the table can be sorted and filtered."""
    kind = f'class="reported sortable" id="{identity}"' if identity else 'class="reported"'
    columns = "".join(f'<th scope="col" data-first="ascending">{escape(head)}</th>' for head in heads)
    body = "".join(f'<tr><th scope="row">{first}</th>{"".join(map(_cell, cells))}</tr>'
                   for first, *cells in rows)
    return scroll(f"<table {kind}><caption>{word(caption)}</caption><thead><tr>{columns}</tr></thead>"
                  f"<tbody>{body}</tbody></table>", caption)


def _cell(cell: str | Cell) -> str:
    html, value = (cell, "") if isinstance(cell, str) else cell
    return f'<td data-value="{escape(value)}">{html}</td>' if value else f"<td>{html}</td>"


def _measured(entry: Published) -> str:
    return f"{word(entry.metric.replace('_', ' '))} on {word(entry.dataset)}"


def _published(entry: Published) -> Cell:
    """The value as printed, with its spread, its certainty and its note."""
    unit = "" if entry.unit == "fraction" else f" {word(entry.unit)}"
    about = (entry.certainty if entry.certainty != "exact" else "", f"{entry.seeds} seeds" if entry.seeds else "",
             entry.note)
    shown = f"{word(entry.value)}{f' ± {word(entry.spread)}' if entry.spread else ''}{unit}"
    return shown + _quiet("; ".join(filter(None, about))), f"{entry.fraction:.4g}" if entry.fraction is not None else ""


def _ours(one: Reproduction) -> str:
    line, score = one.ours.line, one.ours.score
    low, high = (None if end is None else _value(end, one.published).removesuffix(" %")
                 for end in (score.low, score.high))
    span = "" if low is None or high is None else f" [{low}, {high}]"
    where = f"{line.title}, {one.ours.board.backbone}, {score.seeds} seed{'s' * (score.seeds != 1)}"
    return f'<span class="together">{_value(score.value, one.published)}{span}</span>{_quiet(where)}'


def _value(value: float, entry: Published) -> str:
    """In the unit of the published number."""
    return f"{value:.3f}" if entry.unit == "fraction" else f"{100 * value:.1f} %"


def _outcome(one: Reproduction) -> str:
    if one.difference is None:
        return one.outcome
    if one.outcome == "off":
        return f'<b class="wrong">off by {points(abs(one.difference)).removeprefix("+")}</b>'
    return f'<b class="right">reproduced</b>{_quiet(points(one.difference))}'


def _why(one: Reproduction) -> str:
    said = "; ".join(word(reason) for reason in one.reasons)
    return said + (_quiet(f"also: {'; '.join(one.doubts)}") if one.doubts else "")


def _source(entry: Published) -> str:
    return _quiet(entry.source)


def _backbone(entry: Published) -> str:
    return word(entry.backbone or "not stated") + (f", {entry.image_size} px" if entry.image_size else "")


def _quiet(text: str) -> str:
    """A line of its own, in small print."""
    return f'<small>{word(text)}</small>' if text else ""
