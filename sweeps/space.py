"""The search space of a method: what its card declares tunable, narrowed by the user, drawn by construction."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import log
from typing import Any

from optuna.trial import BaseTrial

from ..errors import UserError, unknown
from ..methods.cards.base import Conditions, Ladder, MethodCard, Tunable, hold
from ..methods.catalogue import registry
from .parameters import Choice, Counts, Number, Range, Varied
from .varying import Setting, vary

_EDGE = 0.02  # of a range's width: this near to an end is at the edge


@dataclass(frozen=True)
class Space:
    """What the trials of one method vary.

    Attributes:
        method: with its variant.
        settings: of the request, with the fixed ones in place: what trials have where nothing varies.
        fixed: settings that every trial has because the user said so.
        varied: settings in the order they are drawn in. One that has no effect beside those already drawn is left out
            of the trial.
    """

    method: str
    card: MethodCard
    settings: Mapping[str, Any]
    fixed: Mapping[str, Any]
    varied: Mapping[str, Varied]

    @classmethod
    def of(cls, method: str, variant: str, tunables: Mapping[str, Tunable | Ladder], settings: Mapping[str, Any],
           narrowed: Mapping[str, Any]) -> "Space":
        """The space of a method under a request.

        Args:
            method: without its variant.
            variant: one that the card declares, or "".
            tunables: as the card declares them: those that the variant fixes and those without effect are left out.
            settings: of the request, resolved.
            narrowed: ``setting`` or ``setting.part`` -> what the user wrote, see :mod:`.narrowing`. A setting that is
                no tunable varies, too, where a range or choices are written for it.

        Raises:
            UserError: unknown setting, one that the variant fixes or that has no effect, values that the settings
                refuse, or nothing left to search.
        """
        card = registry.get(method)
        name = f"{method}@{variant}" if variant else method
        values, closed = dict(card.resolve(variant, settings)), card.variants.get(variant, {})
        written = _by_setting(card, name, closed, narrowed)
        tunables = {setting: tunable for setting, tunable in tunables.items() if setting not in closed}
        varied = {setting: vary(Setting(card, setting, values), tunables.get(setting, card.tunables.get(setting)),
                                written.get(setting, {}))
                  for setting in (*(extra for extra in written if extra not in tunables), *tunables)}
        fixed = {setting: one.values[0] for setting, one in varied.items()
                 if isinstance(one, Choice) and len(one.values) == 1}
        values |= fixed
        found = _with_effect(card, values, {key: one for key, one in varied.items() if key not in fixed}, written)
        if not found:
            raise UserError(f"{name} has nothing to search; give a range to one of its settings: "
                            f"--search {method}.SETTING=LOW..HIGH, see: harness show {method}")
        return cls(name, card, values, fixed, found)

    def suggest(self, trial: BaseTrial) -> dict[str, Any]:
        """The settings of a trial that the space decides, as JSON has them; the same again for the same trial."""
        values, drawn = dict(self.settings), dict(self.fixed)
        for name, one in self.varied.items():
            if hold(one.where, values):
                values[name] = drawn[name] = one.suggest(trial, values)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in drawn.items()}

    def params_of(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a trial that stand for ``settings``, without those whose range does not hold them.

        Args:
            settings: those that differ from the request's, or all.
        """
        values = self._all(settings)
        return {name: value for setting, one in self.varied.items() if hold(one.where, values)
                for name, value in one.parameters(values[setting], values).items()}

    def expresses(self, settings: Mapping[str, Any]) -> bool:
        """Whether a trial can have these settings: :meth:`params_of` then leaves nothing to the sampler."""
        values = self._all(settings)
        return (all(values[name] == self.fixed.get(name, self.settings[name]) for name in values
                    if name not in self.varied)
                and all(one.expresses(values[name], values) for name, one in self.varied.items()
                        if hold(one.where, values)))

    def _all(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self.card.resolve("", {**self.settings, **settings}))

    @property
    def ranges(self) -> dict[str, Range]:
        """What each parameter varies over, ends included: ``(low, high, log)``, or its choices as text."""
        return {name: found for one in self.varied.values() for name, found in one.ranges.items()}

    @property
    def identity(self) -> dict[str, Any]:
        """The space as JSON has it: two spaces are the same where these are equal."""
        fixed = {name: list(value) if isinstance(value, tuple) else value for name, value in self.fixed.items()}
        ranges = {name: list(found) for name, found in self.ranges.items()}
        # One number of levels, or one step, is no range and yet makes another space.
        ladders = {one.name: [list(one.levels), list(one.step)] for one in self.varied.values()
                   if isinstance(one, Counts)}
        return {"method": self.method, "fixed": fixed, "ranges": ranges, "ladders": ladders}

    def edges(self, params: Mapping[str, Any]) -> list[str]:
        """One line for each parameter at an end of its range that could be wider: within 2 % of its width, or at it.

        Args:
            params: of a trial, by name.
        """
        found = []
        for one in self.varied.values():
            if not isinstance(one, Choice):
                own = one.uncut(params) if isinstance(one, Counts) else params
                found += [line for name in one.ranges if name in own for line in self._edge(one, name, own[name])]
        return found

    def _edge(self, one: Number | Counts, name: str, value: float) -> Iterator[str]:
        low, high, logarithmic = one.ranges[name]
        integer = isinstance(one, Counts) or one.integer
        place = _place(value, low, high, logarithmic and not integer)
        near = 0 if integer else _EDGE
        for upper, reached in ((False, place <= near), (True, place >= 1 - near)):
            beyond = one.beyond(name, upper)
            if reached and beyond is not None and Setting(self.card, one.name, self.settings).accepts(beyond):
                # Of a ladder, METHOD.SETTING bounds the counts and METHOD.SETTING.step every step.
                written = name.removesuffix(".last").rstrip("0123456789") if isinstance(one, Counts) else name
                yield (f"{name}={value:.4g} is at the {'upper' if upper else 'lower'} end of its range, "
                       f"{low:g} to {high:g}; widen it: --search {self.card.name}.{written}=LOW..HIGH")


def _by_setting(card: MethodCard, method: str, closed: Mapping[str, Any],
                narrowed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What is written, by setting and part; "" is the setting itself."""
    found: dict[str, dict[str, Any]] = {}
    for key, text in narrowed.items():
        setting, _, part = key.partition(".")
        if setting not in card.settings.model_fields:
            raise unknown(f"setting of {card.name}", setting, card.settings.model_fields)
        if setting in closed:
            raise UserError(f"--search {card.name}.{key}: {method} is the variant with {setting}={closed[setting]}; "
                            f"search {card.name}, or leave it out")
        found.setdefault(setting, {})[part] = text
    return found


def _with_effect(card: MethodCard, values: Mapping[str, Any], varied: Mapping[str, Varied],
                 written: Mapping[str, Mapping[str, Any]]) -> dict[str, Varied]:
    """Those that have an effect in some trial. What the user wrote for another is an error."""
    found = {}
    for name, one in varied.items():
        idle = _never(one.where, values, varied)
        if isinstance(one, Counts) and (single := _never(one.levels_where, values, varied)):
            one = replace(one, levels=(1, 1))
            idle = idle or (single if set(written.get(name, {})) - {""} else [])
        if not idle:
            found[name] = one
        elif name in written:
            raise UserError(f"--search {card.name}.{'.'.join([name, *filter(None, written[name])])} has no effect with "
                            f"{idle[0]}={values[idle[0]]}; leave it out, or change {idle[0]}")
    return found


def _never(conditions: Conditions, values: Mapping[str, Any], varied: Mapping[str, Varied]) -> list[str]:
    """Settings whose condition holds in no trial."""
    return [name for name, condition in conditions.items()
            if not any(map(condition, varied[name].extremes if name in varied else (values[name],)))]


def _place(value: float, low: float, high: float, logarithmic: bool) -> float:
    """Where in its range a value lies, from 0 to 1."""
    if logarithmic:
        value, low, high = log(value), log(low), log(high)
    return (value - low) / (high - low)
