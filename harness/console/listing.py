"""Tables and texts of `harness list` and `show`. Torch-free."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ...cards import Card, Registry
from ...datasets import DatasetCard
from ...datasets import registry as datasets
from ...durable import read_plain
from ...errors import UserError, unknown
from ...methods.cards.backbones import BACKBONES, shipped
from ...methods.cards.base import Ladder, MethodCard, Tunable, split_name
from ...methods.catalogue import registry as methods
from ...metrics import registry as metrics
from ...metrics.protocol import protocols
from ..results.run_folders import find_run
from .protocol_listing import protocol_details, protocol_table

_MOST_SPEC = 2**24  # bytes that are shown
_CHOICES = 4  # of a setting that a sweep varies, that are written out


def listing(kind: str, out: str) -> RenderableType:
    """One table per kind.

    Raises:
        UserError: unknown kind.
    """
    kinds = {"methods": _methods, "datasets": _datasets, "metrics": lambda: _cards(metrics),
             "protocols": protocol_table, "backbones": _backbones, "runs": lambda: _runs(out)}
    if kind not in kinds:
        raise unknown("kind", kind, kinds)
    return kinds[kind]()


def details(names: Sequence[str], out: str) -> RenderableType:
    """Everything known of one component or run: ``[name]``, or ``[kind, name]`` where kinds share a name.

    Raises:
        UserError: there is nothing of that name, or of that kind.
    """
    *kind, name = names
    if len(kind) > 1:
        raise UserError(f"show takes a kind and a name, got {' '.join(names)}; see: harness show --help")
    if kind and kind[0] not in _SHOWN:
        raise unknown("kind", kind[0], _SHOWN)
    for one in kind or _SHOWN:
        found = _SHOWN[one](name, out)
        if found is not None:
            return found
    known = [*methods.names(), *datasets.names(), *metrics.names(), *protocols, *BACKBONES]
    raise unknown(kind[0] if kind else "method, data set, metric, protocol, backbone or run", name, known)


def _method(name: str, out: str) -> RenderableType | None:
    method, variant = split_name(name)
    if method not in methods.cards:
        return None
    methods.get(method).resolve(variant)
    return _card(methods.get(method))


def _backbone(name: str, out: str) -> RenderableType | None:
    if name not in BACKBONES:
        return None
    page = shipped(name, ".md")
    return Text(page.read_text() if page else f"{name}: {BACKBONES[name]}")


def _runs(out: str) -> RenderableType:
    from ..results.at_hand import rows_at_hand  # takes numpy and fsspec, which no other list needs
    from .run_listing import runs_table

    return runs_table(rows_at_hand(out).folder)


def _run(name: str, out: str) -> RenderableType | None:
    folder = find_run(name, out)
    if folder is None:
        return None
    try:
        return Text(read_plain(folder / "spec.json", _MOST_SPEC).decode(errors="replace"))
    except OSError as error:
        raise UserError(f"cannot read {folder / 'spec.json'} ({error.strerror}); the run's command with --force writes "
                        "it again") from None


_SHOWN: dict[str, Callable[[str, str], RenderableType | None]] = {
    "method": _method,
    "dataset": lambda name, out: _card(datasets.get(name)) if name in datasets.cards else None,
    "metric": lambda name, out: _card(metrics.get(name)) if name in metrics.cards else None,
    "protocol": lambda name, out: protocol_details(name) if name in protocols else None,
    "backbone": _backbone,
    "run": _run,
}


def _cards(registry: Registry, columns: tuple[str, ...] = (),
           cells: Callable[[Any], Iterable[str]] = lambda card: ()) -> Table:
    """Name and title of every card, with further columns whose ``cells`` a card gives."""
    table = Table("name", "title", *columns, box=None)
    for card in registry.cards.values():
        table.add_row(card.name, card.title, *cells(card))
    for name, error in registry.broken.items():
        table.add_row(name, f"cannot be imported: {escape(error)}", style="red")
    return table


def _methods() -> Table:
    return _cards(methods, ("variants",), lambda card: [" ".join(f"@{variant}" for variant in card.variants)])


def _datasets() -> Table:
    def cells(card: DatasetCard) -> list[str]:
        images = sum(card.counts.get(split, 0) for split in ("train", "val", "test"))
        return [*(f"{card.counts[what]:,}" if what in card.counts else "" for what in ("classes", "parts")),
                f"{images:,}" if images else "", _origin(card)]

    table = _cards(datasets, ("classes", "parts", "images", "comes"), cells)
    table.caption = "harness data get NAME: downloads a data set, or says how to get it by hand"
    return table


def _origin(card: DatasetCard) -> str:
    if card.generated or card.source is None:
        return "drawn" if card.generated else "from you"
    return "by download" if card.source.archives else "by hand"


def _backbones() -> Table:
    table = Table("name", "what", box=None)
    for name, what in BACKBONES.items():
        table.add_row(name, what)
    table.caption = "and any other timm vision transformer with plain blocks"
    return table


def _card(card: Card) -> RenderableType:
    lines = [Text(f"{card.name}: {card.title}, version {card.version}")]
    if isinstance(card, DatasetCard):
        lines += map(Text, _about(card))
    if isinstance(card, MethodCard):
        lines += map(Text, _recipe(card))
    table = Table("setting", "default", "bounds", "what", box=None)
    table.columns[0].no_wrap = True
    for name, field in card.settings.model_fields.items():
        table.add_row(name, escape(str(field.default)), escape(_bounds(field)), escape(field.description or ""))
    if card.settings.model_fields:
        lines.append(table)
    if isinstance(card, MethodCard) and card.tunables:
        lines.append(_sweep(card.tunables))
    if card.paper:
        lines.append(Text(card.paper))
    return Group(*lines)


def _recipe(card: MethodCard) -> Iterator[str]:
    """What a method's maps are, what it takes, its variants and its presets."""
    yield f"maps: {card.maps}"
    yield f"parts: {'of each class its own' if card.class_specific else 'the same for all classes'}"
    yield f"backbones: vision transformers{' and convolutional networks' if card.convolutional else ''}"
    if card.explaining:
        yield f"explained anew without training anew: {', '.join(card.explaining)}"
    for name, changes in card.variants.items():
        yield f"{card.name}@{name}: {dict(changes)}"
    for preset, epochs in card.epochs.items():
        changes = f", {dict(card.of_preset(preset))}" if card.of_preset(preset) else ""
        yield f"preset {preset}: {epochs} epochs, {card.images_per_step(preset)} images a step{changes}"


def _sweep(tunables: Mapping[str, Tunable | Ladder]) -> Table:
    """What a sweep may vary, and how far."""
    table = Table("a sweep varies", "between", box=None)
    for name, tunable in tunables.items():
        table.add_row(name, escape(_range(tunable)))
    return table


def _range(tunable: Tunable | Ladder) -> str:
    """``1e-05 to 0.01, log`` where there is a range, else the first choices."""
    if isinstance(tunable, Ladder):
        return (f"{tunable.low} to {tunable.high} on each of {tunable.fewest} to {tunable.most} levels, "
                f"at most {tunable.step} more than on the next")
    if tunable.choices:
        shown = " | ".join(map(str, tunable.choices[:_CHOICES]))
        more = len(tunable.choices) - _CHOICES
        return f"{shown} and {more} more" if more > 0 else shown
    return f"{tunable.low:g} to {tunable.high:g}{', log' if tunable.log else ''}"


def _about(card: DatasetCard) -> Iterator[str]:
    """What a data set holds, where it is looked for, and how to get it."""
    if card.counts:
        yield "holds: " + ", ".join(f"{count:,} {what.removesuffix('s') if count == 1 else what}"
                                    for what, count in card.counts.items())
    if card.generated:
        yield "folder: none, the pictures are drawn"
    else:
        yield f"folder: {card.folder()}, unless --data-root names another"
        yield f"layout: {card.layout}"
    if card.source:
        yield f"from: {card.source.page}"
        yield f"licence: {card.source.licence or 'not stated'}"
        yield f"to get it: {f'harness data get {card.name}' if card.source.archives else card.source.form}"
    yield f"backbone: {card.default_backbone}, preset: {card.default_preset}"


def _bounds(field: FieldInfo) -> str:
    """``> 0, < 1`` where there are bounds, ``breed | species`` where there is a choice, else the type."""
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    limits = [f"{signs[name]} {getattr(limit, name)}" for limit in field.metadata for name in signs
              if hasattr(limit, name)]
    kind = field.annotation
    if get_origin(kind) is Literal:
        return " | ".join(map(str, get_args(kind)))
    plain = kind.__name__ if get_origin(kind) is None and isinstance(kind, type) else str(kind).replace("typing.", "")
    return ", ".join(limits) or plain
