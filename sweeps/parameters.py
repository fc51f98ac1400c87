"""What one setting of a method varies over, and the parameters of a trial that stand for its value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf, nextafter
from typing import Any

from optuna.trial import BaseTrial

from ..methods.cards.base import Conditions, hold

Range = tuple[float, float, bool] | tuple[str, ...]  # low, high and whether the scale is logarithmic, or choices


@dataclass(frozen=True)
class Number:
    """A setting between two numbers, ends included: one parameter of its name."""

    name: str
    low: float
    high: float
    log: bool = False
    integer: bool = False
    where: Conditions = field(default_factory=dict)

    def suggest(self, trial: BaseTrial, settings: Mapping[str, Any]) -> float:
        if self.integer:
            return trial.suggest_int(self.name, self.low, self.high, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def parameters(self, value: Any, settings: Mapping[str, Any]) -> dict[str, float]:
        """The parameters that stand for a value: none where it is no number of the range."""
        inside = isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high
        return {self.name: value} if inside else {}

    def expresses(self, value: Any, settings: Mapping[str, Any]) -> bool:
        return bool(self.parameters(value, settings))

    @property
    def ranges(self) -> dict[str, Range]:
        return {self.name: (self.low, self.high, self.log)}

    @property
    def extremes(self) -> tuple[Any, ...]:
        """Values that are as far apart as they come: a condition that none of them meets is never met."""
        return self.low, self.high

    def beyond(self, parameter: str, upper: bool) -> float:
        """The next value outside of the range."""
        if self.integer:
            return self.high + 1 if upper else self.low - 1
        return nextafter(self.high, inf) if upper else nextafter(self.low, -inf)


@dataclass(frozen=True)
class Choice:
    """A setting with one of several values: one parameter of its name, a list of values being written as text."""

    name: str
    values: tuple[Any, ...]
    where: Conditions = field(default_factory=dict)

    def suggest(self, trial: BaseTrial, settings: Mapping[str, Any]) -> Any:
        coded = {_coded(value): value for value in self.values}
        return coded[trial.suggest_categorical(self.name, list(coded))]

    def parameters(self, value: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that stand for a value: none where it is no choice."""
        return {self.name: _coded(value)} if value in self.values else {}

    def expresses(self, value: Any, settings: Mapping[str, Any]) -> bool:
        return value in self.values

    @property
    def ranges(self) -> dict[str, Range]:
        return {self.name: tuple(map(str, map(_coded, self.values)))}

    @property
    def extremes(self) -> tuple[Any, ...]:
        return self.values


@dataclass(frozen=True)
class Counts:
    """A ladder of counts that never rise towards the output.

    Its parameters are the number of levels, ``name.levels``, the last count, ``name.last``, and by how much each
    further level exceeds the one after it: ``name.step1`` next to the last, and so on. No count exceeds ``high``: where
    a step leads beyond it, the count is ``high``.

    Attributes:
        low: least count.
        high: largest count.
        levels: fewest and most.
        step: least and largest.
        levels_where: where there is more than one level to speak of; elsewhere the last count alone is drawn.
    """

    name: str
    low: int
    high: int
    levels: tuple[int, int]
    step: tuple[int, int]
    where: Conditions = field(default_factory=dict)
    levels_where: Conditions = field(default_factory=dict)

    def suggest(self, trial: BaseTrial, settings: Mapping[str, Any]) -> tuple[int, ...]:
        def draw(part: str, low: int, high: int) -> int:
            return low if low == high else trial.suggest_int(f"{self.name}.{part}", low, high)

        levels = draw("levels", *self.levels) if hold(self.levels_where, settings) else 1
        counts = [draw("last", self.low, self.high)]
        for number in range(1, levels):
            counts.insert(0, min(counts[0] + draw(f"step{number}", *self.step), self.high))
        return tuple(counts)

    def parameters(self, value: Sequence[int], settings: Mapping[str, Any]) -> dict[str, int]:
        """The parameters that stand for a ladder, without those whose range does not hold what they should be."""
        # The largest count may have been cut: from there on any step leads back to it.
        steps = [max(before - after, self.step[0] if before == self.high else 0) for before, after in pairwise(value)]
        wanted = {f"{self.name}.levels": len(value), f"{self.name}.last": value[-1],
                  **{f"{self.name}.step{number}": step for number, step in enumerate(reversed(steps), 1)}}
        if not hold(self.levels_where, settings):
            wanted = {f"{self.name}.last": value[-1]}
        ranges = self.ranges
        return {name: count for name, count in wanted.items()
                if name in ranges and ranges[name][0] <= count <= ranges[name][1]}

    def expresses(self, value: Sequence[int], settings: Mapping[str, Any]) -> bool:
        """Whether it is a ladder of this kind; where only the last count has an effect, that one is looked at."""
        counts = tuple(value) if hold(self.levels_where, settings) else tuple(value[-1:])
        fewest, most = self.levels if hold(self.levels_where, settings) else (1, 1)
        return (fewest <= len(counts) <= most and all(self.low <= count <= self.high for count in counts)
                and all(min(after + self.step[0], self.high) <= before <= after + self.step[1]
                        for before, after in pairwise(counts)))

    @property
    def ranges(self) -> dict[str, Range]:
        """Of all parameters that there may be, without those that are always the same."""
        steps = {f"{self.name}.step{number}": self.step for number in range(1, self.levels[1])}
        found = {f"{self.name}.levels": self.levels, f"{self.name}.last": (self.low, self.high), **steps}
        return {name: (low, high, False) for name, (low, high) in found.items() if low < high}

    @property
    def extremes(self) -> tuple[Any, ...]:
        return tuple((self.low,) * levels for levels in self.levels)

    def uncut(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters of a trial without the steps that the largest count cuts or stops: longer ones change nothing."""
        count, found = params.get(f"{self.name}.last", self.low), dict(params)
        for number in range(1, self.levels[1]):
            name = f"{self.name}.step{number}"
            count += params.get(name, self.step[0])
            if count >= self.high:
                found.pop(name, None)
        return found

    def beyond(self, parameter: str, upper: bool) -> tuple[int, ...] | None:
        """A ladder for which the range of a parameter would have to be wider; None where it would rise."""
        part = parameter.removeprefix(f"{self.name}.")
        if part == "last":
            return (self.high + 1 if upper else self.low - 1,)
        if part == "levels":
            return (self.low,) * (self.levels[1] + 1 if upper else self.levels[0] - 1)
        step = self.step[1] + 1 if upper else self.step[0] - 1
        return None if step < 0 else (self.low + step, self.low)


Varied = Number | Choice | Counts


def _coded(value: Any) -> str | int | float | bool | None:
    """A value as Optuna stores choices."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value
