"""What makes a class: one value for each planted trait, and the parts that each trait shows on."""

from functools import cache
from hashlib import sha256
from typing import Literal

from .draws import Draws

Traits = dict[str, str]
Stock = Literal["evaluation", "training"]

_COLOURS = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "white", "black", "brown", "grey")

TRAITS: dict[str, tuple[str, ...]] = {
    "beak shape": ("cone", "needle", "hook", "curve", "spoon"),
    "beak colour": ("orange", "yellow", "black", "red", "grey"),
    "crest": ("none", "pointed", "fan", "curl"),
    "crown colour": _COLOURS,
    "nape colour": _COLOURS,
    "throat colour": _COLOURS,
    "back colour": _COLOURS,
    "breast colour": _COLOURS,
    "breast pattern": ("plain", "spots", "streaks", "band"),
    "belly colour": _COLOURS,
    "wing colour": _COLOURS,
    "wing pattern": ("plain", "one bar", "two bars", "spots", "patch"),
    "tail shape": ("square", "forked", "pointed", "fan"),
    "tail colour": _COLOURS,
    "leg colour": ("orange", "yellow", "black", "pink"),
    "eye colour": ("brown", "red", "yellow", "blue"),
}
SHOWN_ON: dict[str, tuple[str, ...]] = {
    "beak shape": ("beak",),
    "beak colour": ("beak",),
    "crest": ("crown",),
    "crown colour": ("crown", "forehead"),
    "nape colour": ("nape",),
    "throat colour": ("throat",),
    "back colour": ("back",),
    "breast colour": ("breast",),
    "breast pattern": ("breast",),
    "belly colour": ("belly",),
    "wing colour": ("left wing", "right wing"),
    "wing pattern": ("left wing", "right wing"),
    "tail shape": ("tail",),
    "tail colour": ("tail",),
    "leg colour": ("left leg", "right leg"),
    "eye colour": ("left eye", "right eye"),
}
# How often a class is the twin of the one before it, and what twins may differ in. Evaluated twins differ in what is
# seen at the size of a thumbnail; a backbone is shown more twins, and finer ones, so that it learns single traits.
_TWINS: dict[Stock, tuple[int, tuple[str, ...]]] = {
    "evaluation": (10, ("crown colour", "back colour", "breast colour", "wing colour", "wing pattern", "tail shape",
                        "tail colour")),
    "training": (4, ("beak shape", "crest", "crown colour", "back colour", "breast colour", "breast pattern",
                     "wing colour", "wing pattern", "tail shape", "tail colour")),
}


def differing(one: Traits, other: Traits) -> list[str]:
    """Names of the parts that tell two classes apart, in the order of their traits."""
    parts = (part for trait in TRAITS if one[trait] != other[trait] for part in SHOWN_ON[trait])
    return list(dict.fromkeys(parts))


@cache
def classes(count: int, seed: int, stock: Stock = "evaluation") -> tuple[Traits, ...]:
    """Traits of ``count`` classes, no two the same; every tenth class is the twin of the one before it.

    Twins differ in exactly one trait. Combinations of the ``evaluation`` stock never occur in the ``training`` stock,
    whatever the seeds: see :func:`stock_of`. A class does not depend on how many follow it.
    """
    every, twin_traits = _TWINS[stock]
    found: list[Traits] = []
    for number in range(count):
        draws = Draws("class", stock, seed, number)
        while True:
            traits = _twin(found[-1], twin_traits, draws) if number % every == every - 1 else _fresh(draws)
            if stock_of(traits) == stock and traits not in found:
                break
        found.append(traits)
    return tuple(found)


def stock_of(traits: Traits) -> Stock:
    """Which half of all combinations this one belongs to, by a hash of its values."""
    text = "|".join(traits[name] for name in TRAITS)
    return "training" if sha256(text.encode()).digest()[0] % 2 else "evaluation"


def _fresh(draws: Draws) -> Traits:
    return {name: draws.one_of(values) for name, values in TRAITS.items()}


def _twin(traits: Traits, among: tuple[str, ...], draws: Draws) -> Traits:
    name = draws.one_of(among)
    return {**traits, name: draws.one_of([value for value in TRAITS[name] if value != traits[name]])}


def class_name(number: int, traits: Traits) -> str:
    """``007.Blue_backed_hook_beak``: for people; the number makes it unique."""
    return f"{number + 1:03d}.{traits['back colour'].title()}_backed_{traits['beak shape']}_beak"
