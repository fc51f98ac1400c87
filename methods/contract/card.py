"""Clauses about what a method says of itself before anything is trained."""

import os
import subprocess
import sys
from math import sqrt
from typing import Any

from ...errors import UserError
from ..base import Method
from ..cards.base import Ladder, Tunable
from .trial import Trial, want

_PRESETS = ("quick", "default", "paper")


def declared(trial: Trial) -> None:
    """The card is filled in, and its class belongs to it."""
    card, method = trial.card, trial.card.load()
    want(isinstance(method, type) and issubclass(method, Method), f"{card.implementation} is no Method")
    want(method.card == card, f"{card.implementation} has another card")
    want(card.title and card.maps, "title or maps is empty; maps says in one sentence what the part maps are")
    missing = [preset for preset in _PRESETS if card.epochs.get(preset, 0) < 1]
    want(not missing, f"epochs names none for the preset {missing[:1]}")
    for name in (*card.explaining, *card.quick, *card.published):
        want(name in card.settings.model_fields, f"{name} is no setting")
    bare = [name for name, info in card.settings.model_fields.items() if info.is_required()]
    want(not bare, f"setting {bare[:1]} has no default")


def light(trial: Trial) -> None:
    """A card with a file of its own is read without torch: lists and plans wait for none."""
    home, module = trial.card.settings.__module__, trial.card.implementation.partition(":")[0]
    if home in (module, "__main__"):
        return
    code = f"import sys, {home}; print('torch' in sys.modules)"
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, capture_output=True,
                          text=True, check=False)
    want(not done.returncode, f"{home} cannot be imported in a new process: {done.stderr.strip().splitlines()[-1:]}")
    want(done.stdout.strip().endswith("False"), f"{home} imports torch")


def tunable(trial: Trial) -> None:
    """What a sweep may vary are settings, and every value of a range is one."""
    method, fields = trial.build(trial.backbone), trial.card.settings.model_fields
    for name, found in {**trial.card.tunables, **method.tunables()}.items():
        want(name in fields, f"{name} is no setting")
        _depends(trial, name, found)
        values = _ladders(name, found) if isinstance(found, Ladder) else _values(name, found)
        for value in values:
            try:
                trial.card.resolve(trial.variant, {**trial.settings, name: value})
            except UserError as error:
                raise AssertionError(f"{name}={value} is in its range and refused: {error}") from None
    want(not set(method.tunables()) - set(trial.card.tunables), "the method has tunables that its card lacks")


def _depends(trial: Trial, name: str, found: Tunable | Ladder) -> None:
    """What decides whether a tunable has an effect are settings; a sweep draws those of them that vary before it."""
    before = [*trial.card.tunables][:[*trial.card.tunables].index(name)] if name in trial.card.tunables else []
    for other in {**found.where, **(found.levels_where if isinstance(found, Ladder) else {})}:
        want(other in trial.card.settings.model_fields, f"{name} depends on {other}, which is no setting")
        want(other not in trial.card.tunables or other in before, f"{name} stands before {other}, which it depends on")


def _ladders(name: str, found: Ladder) -> list[tuple[int, ...]]:
    """The lowest and the highest of the fewest and the most levels, and the steepest."""
    want(1 <= found.fewest <= found.most and found.low < found.high and found.step > 0,
         f"{name} has no ladders of {found.fewest} to {found.most} levels, {found.low} to {found.high} each")
    steepest = [min(found.low + level * found.step, found.high) for level in reversed(range(found.most))]
    return [*((count,) * levels for count in (found.low, found.high) for levels in (found.fewest, found.most)),
            tuple(steepest)]


def _values(name: str, found: Tunable) -> list[Any]:
    """The ends and the middle of a range, or the choices."""
    if found.choices:
        return list(found.choices)
    want(found.low is not None and found.high is not None and found.low < found.high,
         f"{name} has neither choices nor a range, but {found.low} to {found.high}")
    want(not found.log or found.low > 0, f"{name} has a logarithmic range that begins at {found.low}")
    middle = sqrt(found.low * found.high) if found.log else (found.low + found.high) / 2
    values = [found.low, middle, found.high]
    return [round(value) for value in values] if found.integer else values
