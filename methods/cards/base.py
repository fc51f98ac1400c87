"""What a method's card says beyond name and settings."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from ...cards import Card
from ...errors import UserError, unknown

Conditions = Mapping[str, Callable[[Any], bool]]  # setting -> what has to hold of its value


def hold(conditions: Conditions, settings: Mapping[str, Any], open_ones: Container[str] = ()) -> bool:
    """Whether all conditions hold of the settings, or may yet: those on ``open_ones`` are not asked."""
    return all(name in open_ones or condition(settings[name]) for name, condition in conditions.items())


@dataclass(frozen=True)
class Tunable:
    """A setting that a sweep may vary: a numeric range, or a list of choices.

    Attributes:
        where: what has to hold of other settings for this one to have an effect. Those of them that are tunables
            stand before it on the card.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    integer: bool = False
    choices: tuple[Any, ...] = ()
    where: Conditions = field(default_factory=dict)


@dataclass(frozen=True)
class Ladder:
    """A setting of one count per level that a sweep may vary: counts never rise from a level to the next.

    Attributes:
        low: least count of a level.
        high: largest count of a level.
        step: most by which a count exceeds the one after it.
        fewest: levels at least.
        most: levels at most.
        where: as of a :class:`Tunable`.
        levels_where: what has to hold of other settings for levels before the last to have an effect.
    """

    low: int
    high: int
    step: int
    fewest: int = 1
    most: int = 1
    where: Conditions = field(default_factory=dict)
    levels_where: Conditions = field(default_factory=dict)


@dataclass(frozen=True)
class Prefix:
    """The frozen blocks that a training step may be spared, because their output is the same in every epoch.

    Attributes:
        left: blocks after them, which every step runs.
        warped: a step needs their output for the second, warped view too.
    """

    left: int = 0
    warped: bool = False


def _no_prefix(settings: BaseModel) -> Prefix | None:
    return None


@dataclass(frozen=True, kw_only=True)
class MethodCard(Card):
    """A method's card.

    Attributes:
        maps: one sentence: what the part maps of this method are.
        class_specific: part ids belong to a class, so NMI, ARI and KPR do not apply.
        tunables: settings that a sweep may vary, with ranges.
        convolutional: takes a convolutional backbone, too.
        explaining: settings that change the explanation alone: runs that differ in nothing else are trained once.
        variants: ``name@variant`` -> the settings it changes.
        step_cost: what training on one image costs, in plain forwards of the backbone, as ``benchmarks/step_cost.py``
            measures it; where tokens are stored, their storing is shared out among the epochs of the default preset.
        step_costs: the same of variants that differ.
        epochs: passes over the data by preset.
        batch_size: images per step of the recipe.
        quick: settings that the preset ``quick`` changes: few steps need larger rates.
        published: settings that the preset ``paper`` changes: what the paper does and a short budget cannot afford.
        quick_batch_size: images per step of the preset ``quick``: fewer, so that few images make many steps; None: as
            the recipe.
        batch_coupled: whether the loss looks at several images of a batch at once, so that gradients added up over
            parts of a batch train something else. False: every term is a mean of terms of single images, or knows no
            image. Conditions: it does where they hold of the settings. True where nobody has said. Batch norm that
            trains couples as well and is found without the card, see :attr:`~partbench.methods.Method.batch_coupled`.
        shares_batches: whether several processes may each compute the loss of a share of a batch: terms that look at
            several images take those of all by :func:`~partbench.methods.across.gathered`, and random numbers for
            single images come from :func:`~partbench.methods.across.drawn`. False where nobody has said.
        prefix: settings -> the frozen blocks that no prompt enters, so that their output is stored once for all epochs
            and runs; None: there are none, or nobody has said.
    """

    maps: str = ""
    class_specific: bool = False
    tunables: Mapping[str, Tunable | Ladder] = field(default_factory=dict)
    convolutional: bool = False
    explaining: tuple[str, ...] = ()
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    step_cost: float = 2.5
    step_costs: Mapping[str, float] = field(default_factory=dict)
    epochs: Mapping[str, int] = field(default_factory=lambda: {"quick": 11, "default": 25, "paper": 25})
    batch_size: int = 16
    quick: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, Any] = field(default_factory=dict)
    quick_batch_size: int | None = None
    batch_coupled: bool | Conditions = True
    shares_batches: bool = False
    prefix: Callable[[Any], Prefix | None] = _no_prefix

    def resolve(self, variant: str = "", overrides: Mapping[str, Any] | None = None,
                preset: str = "default") -> BaseModel:
        """Settings of a preset and variant with the user's overrides on top.

        Raises:
            UserError: unknown variant or setting (with the nearest name), or a value out of bounds.
        """
        if variant and variant not in self.variants:
            raise unknown(f"variant of {self.name}", variant, self.variants)
        values = {**self.of_preset(preset), **self.variants.get(variant, {}), **(overrides or {})}
        for name in values:
            if name not in self.settings.model_fields:
                raise unknown(f"setting of {self.name}", name, self.settings.model_fields)
        try:
            return self.settings(**values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, (self.name, *first["loc"])))
            message = first["msg"].removeprefix("Value error, ")
            raise UserError(f"{where}={first['input']!r:.80}: {message}; see: harness show {self.name}") from None

    def tunables_of(self, variant: str = "", settings: BaseModel | None = None) -> dict[str, Tunable | Ladder]:
        """The tunables that a variant leaves open and that have an effect under ``settings``, or may have.

        Args:
            variant: one that the card declares, or "".
            settings: None: the variant's own. What depends on another open tunable may have an effect.

        Returns:
            Tunables by setting; a ladder whose levels before the last do nothing is one of a single level.
        """
        values = dict(self.resolve(variant) if settings is None else settings)
        free = {name: found for name, found in self.tunables.items() if name not in self.variants.get(variant, {})}
        found = {name: tunable for name, tunable in free.items() if hold(tunable.where, values, free)}
        single = {name: replace(tunable, fewest=1, most=1) for name, tunable in found.items()
                  if isinstance(tunable, Ladder) and not hold(tunable.levels_where, values, free)}
        return found | single

    def coupled_under(self, settings: Mapping[str, Any]) -> bool:
        """Whether the loss looks at several images of a batch at once, under these settings."""
        return self.batch_coupled if isinstance(self.batch_coupled, bool) else hold(self.batch_coupled, settings)

    def of_preset(self, preset: str) -> Mapping[str, Any]:
        """Settings that a preset changes."""
        return {"quick": self.quick, "paper": self.published}.get(preset, {})

    def images_per_step(self, preset: str) -> int:
        """Batch size of a preset."""
        return self.quick_batch_size or self.batch_size if preset == "quick" else self.batch_size


def split_name(name: str) -> tuple[str, str]:
    """``"ivpt@bias"`` -> ``("ivpt", "bias")``; no variant is the empty string.

    Raises:
        UserError: an ``@`` without a variant after it.
    """
    method, at, variant = name.partition("@")
    if at and not variant:
        raise UserError(f"'{name}' names no variant; write {method}, or one that `harness show {method}` lists")
    return method, variant
