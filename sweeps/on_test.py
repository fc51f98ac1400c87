"""The part of a page that says what was tested, and what came of it."""

from collections.abc import Sequence
from html import escape

from ..leaderboard.fragments import table
from ..leaderboard.text import number
from .marks import title, unit
from .tested import Difference, Tested, looks
from .wording import count


def tests_section(tests: Sequence[Tested]) -> str:
    """Every look at test, the latest first, as HTML."""
    if not tests:
        return ""
    again = f"<p>{escape(looks(tests))}.</p>" if looks(tests) else ""
    return f"<h3>On test</h3>{again}{''.join(map(_test, reversed(tests)))}"


def _test(test: Tested) -> str:
    said = (f"Trained on train and val for {count(test.epochs, 'epochs')} with {count(len(test.seeds), 'seeds')}, then "
            "tested. Intervals are of 95 %, over classes and seeds; the test is paired, on the same classes.")
    rows = [(title(one.metric), [_value(one.metric, one.paper), _value(one.metric, one.found), *_difference(one)])
            for one in test.differences]
    heads, kept = ["paper's setting", "kept setting", "difference", "interval", "p"], f"trial {test.trial}"
    if not test.trial:
        heads, kept, rows = heads[:1], "which is the paper's", [(name, cells[:1]) for name, cells in rows]
    told = table(f"Means on test: the setting selected by {test.select}, {kept}.", "metric", heads, rows)
    return f"<p>{escape(said)}</p>{told}"


def _difference(one: Difference) -> list[str]:
    """In points where values are in per cent."""
    if one.difference is None:
        return ["", "", "not compared class by class"]
    low, high, difference = (number(end, unit(one.metric)) for end in (one.low, one.high, one.difference))
    told = "told apart" if one.told_apart else "not told apart"
    return [f"{'' if one.difference < 0 else '+'}{difference}", f"{low} to {high}", f"{one.p_value:.3g}, {told}"]


def _value(metric: str, value: float | None) -> str:
    return "" if value is None else number(value, unit(metric)) + (" %" if unit(metric) == "fraction" else "")
