"""How one setting of a method varies in a search: as its card declares, and as the user narrows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from ..errors import UserError, unknown
from ..methods.cards.base import Ladder, MethodCard, Tunable
from .narrowing import Between, read, whole, whole_or_one
from .parameters import Choice, Counts, Number, Varied

_PARTS = ("levels", "step")
_WIDE = 10  # a range that nobody declared is searched on a log scale from this ratio of its ends on


@dataclass(frozen=True)
class Setting:
    """A setting of a method beside all others.

    Attributes:
        values: of all settings.
    """

    card: MethodCard
    name: str
    values: Mapping[str, Any]

    @property
    def key(self) -> str:
        return f"{self.card.name}.{self.name}"

    def take(self, value: Any) -> Any:
        """The value as the method's settings hold it.

        Raises:
            UserError: they refuse it.
        """
        return getattr(self.card.resolve("", {**self.values, self.name: value}), self.name)

    def accepts(self, value: Any) -> bool:
        """Whether the method's settings allow a value."""
        try:
            self.take(value)
        except UserError:
            return False
        return True


def vary(setting: Setting, tunable: Tunable | Ladder | None, written: Mapping[str, Any]) -> Varied:
    """What a setting varies over; a :class:`Choice` of one value is fixed.

    Args:
        tunable: as the card declares it; None where it does not.
        written: what the user wrote, by part: ``""`` the setting itself, of a ladder also ``levels`` and ``step``.

    Raises:
        UserError: a part that there is not, a range of something that is no number or on a scale that has none of it,
            or values that the settings refuse.
    """
    parts = _PARTS if isinstance(tunable, Ladder) else ()
    for part in written:
        if part and not parts:
            raise UserError(f"--search {setting.key}.{part}: {setting.name} has no parts; write {setting.key}=…")
        if part and part not in parts:
            raise unknown(f"part of {setting.key}", part, parts)
    if isinstance(tunable, Ladder):
        return _ladder(setting, tunable, written)
    if not written:
        return _declared(setting.name, tunable)
    found = read(setting.key, written[""])
    where = tunable.where if tunable else {}
    if isinstance(found, Between):
        return _number(setting, tunable, found)
    return Choice(setting.name, tuple(dict.fromkeys(map(setting.take, found))), where)


def _declared(name: str, tunable: Tunable) -> Number | Choice:
    if tunable.choices:
        return Choice(name, tunable.choices, tunable.where)
    kind = int if tunable.integer else float
    return Number(name, kind(tunable.low), kind(tunable.high), tunable.log, tunable.integer, tunable.where)


def _number(setting: Setting, tunable: Tunable | None, between: Between) -> Number:
    """A range on the card's scale; where it has none, on a log scale from a ratio of ten on."""
    kind = _kind(setting.card.settings.model_fields[setting.name].annotation)
    if kind is None:
        raise UserError(f"--search {setting.key}={between}: {setting.name} is no number; write choices, as in a|b")
    low, high = whole(setting.key, between) if kind is int else (float(between.low), float(between.high))
    for end in (low, high):
        setting.take(end)
    if tunable is None or tunable.choices:
        return Number(setting.name, low, high, 0 < low <= high / _WIDE, kind is int, tunable.where if tunable else {})
    if tunable.log and low <= 0:
        raise UserError(f"--search {setting.key}={between}: its scale is logarithmic and has no {low:g}; begin "
                        f"above 0, or write choices, as in {low:g}|{high:g}")
    return Number(setting.name, low, high, tunable.log, kind is int, tunable.where)


def _kind(annotation: Any) -> type[int] | type[float] | None:
    """The type of number that a setting takes, which may take other things, too; None where it takes none."""
    if annotation in (int, float):
        return annotation
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        kinds = set(map(_kind, get_args(annotation)))
        return float if float in kinds else int if int in kinds else None
    return None


def _ladder(setting: Setting, ladder: Ladder, written: Mapping[str, Any]) -> Counts | Choice:
    bounds = _counts(setting, written[""]) if "" in written else Between(ladder.low, ladder.high)
    if isinstance(bounds, tuple):
        for part in filter(None, written):
            raise UserError(f"--search {setting.key}.{part}: {setting.key} names whole ladders already; leave one out")
        return Choice(setting.name, bounds, ladder.where)
    low, high = whole(setting.key, bounds)
    levels, step = (ladder.fewest, ladder.most), (0, ladder.step)
    if "levels" in written:
        levels = whole_or_one(f"{setting.key}.levels", written["levels"], 1)
    if "step" in written:
        step = whole_or_one(f"{setting.key}.step", written["step"], 0)
    for end in (low, high):
        setting.take((end,) * levels[1])
    return Counts(setting.name, low, high, levels, step, ladder.where, ladder.levels_where)


def _counts(setting: Setting, written: Any) -> Between | tuple[tuple[int, ...], ...]:
    """Bounds of the counts, or whole ladders. A list of numbers, as YAML has it, is one ladder."""
    one = isinstance(written, list | tuple) and written and not any(isinstance(item, list | str) for item in written)
    found = read(setting.key, [written] if one else written)
    if isinstance(found, Between):
        return found
    ladders = tuple(dict.fromkeys(setting.take(item if isinstance(item, list | tuple) else [item]) for item in found))
    for counts in ladders:
        if any(before < after for before, after in pairwise(counts)):
            falling = ",".join(map(str, sorted(counts, reverse=True)))
            raise UserError(f"--search {setting.key}={','.join(map(str, counts))}: counts of a search do not rise "
                            f"towards the output; write {falling}")
    return ladders
