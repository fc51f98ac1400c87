"""What a user writes about a search space: ``--search METHOD.SETTING=…``, or the same names under ``search:`` in YAML.

One value fixes a setting, ``LOW..HIGH`` is a range and ``a|b|c`` (in YAML also a list) are choices. The counts of a
ladder are written with commas, ``17,14,11|9,8,7`` chooses among ladders, and ``LOW..HIGH`` bounds the counts.
``METHOD.SETTING.levels`` is how many levels there are, ``METHOD.SETTING.step`` by how much each exceeds the next.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from ..errors import UserError
from ..methods.cards.base import split_name

_FORMS = "write one value, LOW..HIGH or a|b|c"
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Between:
    """A range as it was written, ends included, low below high."""

    low: int | float
    high: int | float

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"


def parse_search(pairs: Iterable[str]) -> dict[str, str]:
    """``["ivpt.entropy=0.1..3", "ivpt.prototypes.levels=3"]`` -> ``{"ivpt.entropy": "0.1..3", …}``, texts as they are.

    Raises:
        UserError: no ``method.setting=text``.
    """
    found = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or "." not in name or not text.strip():
            raise UserError(f"--search {pair}: write method.setting=LOW..HIGH, =a|b|c or =VALUE; "
                            "for settings see: harness show METHOD")
        found[name.strip()] = text.strip()
    return found


def search_by_method(search: Mapping[str, Any], methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What is written for each of ``methods``, by setting; ``ivpt.entropy`` is meant for every variant of IVPT.

    Args:
        search: ``method.setting`` or ``method@variant.setting``, which goes before the former, to what is written.
        methods: of this search, with their variants.

    Raises:
        UserError: what is written is for none of them.
    """
    found: dict[str, dict[str, Any]] = {method: {} for method in methods}
    known = {*methods, *(split_name(method)[0] for method in methods)}
    for key, written in sorted(search.items(), key=lambda item: "@" in item[0]):
        method, _, setting = key.partition(".")
        if method not in known or not setting:
            raise UserError(f"--search {key}: '{method}' is not among the methods of this search, "
                            f"{', '.join(methods)}; write METHOD.SETTING, or add it to --methods")
        for name in methods:
            if method in (name, split_name(name)[0]):
                found[name][setting] = written
    return found


def read(key: str, written: Any) -> Between | tuple[Any, ...]:
    """A range, or values, of which one alone fixes the setting. Whether the setting takes them is not looked at.

    Args:
        key: ``method.setting``, for messages.
        written: text; or from YAML a number, a truth value, None, or a list of choices.

    Raises:
        UserError: an empty or inverted range, ends that are no finite numbers, no choice, or a mapping.
    """
    if isinstance(written, Mapping):
        raise UserError(f"--search {key} holds a mapping; {_FORMS}")
    if isinstance(written, list | tuple):
        if not written:
            raise UserError(f"--search {key} has no choices; {_FORMS}")
        return tuple(_value(item) if isinstance(item, str) else item for item in written)
    if not isinstance(written, str):
        return (written,)
    low, dots, high = written.partition("..")
    if dots:
        return _between(key, written, _scalar(low), _scalar(high))
    return tuple(_value(part) for part in written.split("|"))


def _between(key: str, written: str, low: Any, high: Any) -> Between:
    for end in (low, high):
        if isinstance(end, bool) or not isinstance(end, int | float) or not isfinite(end):
            raise UserError(f"--search {key}={written}: '{end}' is not a finite number; write LOW..HIGH, as in 0.1..3")
    if low >= high:
        raise UserError(f"--search {key}={written} is an empty range; write LOW..HIGH with LOW below HIGH, "
                        "or one value to fix it")
    return Between(low, high)


def whole(key: str, between: Between) -> tuple[int, int]:
    """The ends of a range of integers.

    Raises:
        UserError: one of them is none.
    """
    for end in (between.low, between.high):
        if int(end) != end:
            raise UserError(f"--search {key}={between}: {end} is not an integer; write whole numbers")
    return int(between.low), int(between.high)


def whole_or_one(key: str, written: Any, least: int) -> tuple[int, int]:
    """Ends of a range of integers, equal where one integer is written.

    Raises:
        UserError: neither is written, or numbers below ``least``.
    """
    found = read(key, written)
    if isinstance(found, Between):
        low, high = whole(key, found)
    else:
        if len(found) > 1 or isinstance(found[0], bool) or not isinstance(found[0], int):
            raise UserError(f"--search {key}={written} is no integer; write one, or LOW..HIGH")
        low = high = found[0]
    if low < least:
        raise UserError(f"--search {key}={written}: {low} is below {least}; begin at {least} or above")
    return low, high


def _value(text: str) -> Any:
    """A scalar, or a list where there is a comma."""
    return [_scalar(part) for part in text.split(",")] if "," in text else _scalar(text)


def _scalar(text: str) -> Any:
    text = text.strip()
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return _WORDS.get(text.lower(), text)
