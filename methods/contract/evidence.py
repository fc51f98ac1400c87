"""Clauses about logits and explanations: their shapes, and what may not change them."""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from ...errors import UserError
from ..backbone import load_backbone
from ..base import Batch, Explanation, Level, Method
from .backbones import tiny_backbone
from .training import part_of, state_of
from .trial import Trial, agree, logits_of, noise, want

_ROUNDING = 1e-4


@dataclass(frozen=True)
class _Layout:
    """A backbone and a data set that a method must fit."""

    patch: int
    side: int
    registers: int
    classes: int
    images: int
    class_token: bool = True


_LAYOUTS = (_Layout(8, 32, 0, 2, 2), _Layout(14, 42, 1, 500, 1), _Layout(16, 64, 4, 3, 3), _Layout(8, 48, 0, 2, 1),
            _Layout(8, 32, 0, 3, 2, class_token=False))


def shaped(trial: Trial) -> None:
    """Shapes, ids and partitions, on every layout of a backbone."""
    for layout in _LAYOUTS:
        backbone = tiny_backbone(layout.patch, layout.side, layout.registers, layout.class_token)
        try:
            method = trial.build(backbone, layout.classes)
        except UserError:
            if layout.class_token:
                raise
            continue  # refused in one line: a method may need a class token
        try:
            examine(method, noise(layout.images, layout.side, 3, layout.classes))
        except AssertionError as broken:
            raise AssertionError(f"{broken} ({layout})") from None


def still_shaped(trial: Trial) -> None:
    """Shapes, ids and partitions, after training."""
    examine(trial.rehearsal.method, trial.pictures)


def various(trial: Trial) -> None:
    """Every variant that the card declares can be built and explains."""
    for variant in trial.card.variants:
        try:
            examine(trial.build(trial.backbone, variant=variant), trial.pictures)
        except (AssertionError, UserError) as broken:
            raise AssertionError(f"{trial.card.name}@{variant}: {broken}") from None


def convolutional(trial: Trial) -> None:
    """A method that says so works on a convolutional backbone."""
    if trial.card.convolutional:
        method = trial.build(load_backbone("resnet10t", "random", 64))
        pictures = noise(2, 64, 4)
        examine(method, pictures)
        _check_terms(method.train().loss(pictures))


@torch.no_grad()
def examine(method: Method, batch: Batch, rounding: float = _ROUNDING) -> None:
    """Logits, explanation, hierarchy and order of parts of a batch are what the types promise."""
    shape = len(batch), method.classes
    _check_tensor(method(batch), shape, "forward")
    found, bare = method.explain(batch, batch.labels), method.explain(batch, batch.labels, saliency=False)
    _check_tensor(found.logits, shape, "logits")
    for name, level in found.all_levels().items():
        _check_level(level, method, batch.labels, name, rounding)
    parts = found.part_maps.shape
    want(found.saliency is not None and bare.saliency is None, "saliency is not given exactly where it is asked for")
    _check_tensor(found.saliency, (parts[0], *parts[2:]), "saliency")
    if found.part_scores is not None:
        _check_tensor(found.part_scores, parts[:2], "part_scores")
    for name, level in method.hierarchy(batch).items():
        _check_level(level, method, batch.labels, name, rounding)
        _check_tensor(level.shares, (*level.part_maps.shape[:2], parts[1]), f"shares of {name}")
    order = method.part_order(batch, batch.labels)
    want(order.dtype == torch.int64 and order.shape == parts[:2], f"part_order is no long {list(parts[:2])}")
    want(order.sort(1).values.equal(torch.arange(parts[1]).expand(parts[:2])), "part_order is no order of the parts")


def _check_level(level: Level, method: Method, targets: Tensor, name: str, rounding: float) -> None:
    maps, ids = level.part_maps, level.part_ids
    _check_tensor(maps, (len(targets), None, None, None), f"part_maps of {name}")
    parts = maps.shape[1]
    want(parts, f"{name} has no part map")
    want(isinstance(ids, Tensor) and ids.dtype == torch.int64 and ids.shape == maps.shape[:2],
         f"part_ids of {name} are no long {list(maps.shape[:2])}")
    layout = ids - parts * targets[:, None] if method.card.class_specific else ids
    want(layout.eq(layout[:1]).all(), f"part_ids of {name} are {ids.tolist()} for the targets {targets.tolist()}: "
         "k where parts belong to no class, else class * K + k, in one order on every image")
    want(len(layout[0].unique()) == parts and layout.min() >= 0, f"part_ids of {name} repeat, or are negative")
    want(not method.card.class_specific or layout.max() < parts, f"part_ids of {name} belong to other classes")
    if level.background is not None:
        _check_tensor(level.background, (len(maps), *maps.shape[2:]), f"background of {name}")
        want(min(maps.min(), level.background.min()) >= -rounding, f"{name} has a negative probability")
        whole = maps.sum(1) + level.background
        agree(whole, torch.ones_like(whole), f"the sum of maps and background of {name}, and one,", rounding)


def _check_tensor(value: Any, shape: tuple[int | None, ...], what: str) -> None:
    want(isinstance(value, Tensor) and value.is_floating_point(), f"{what} is no tensor of floats")
    fits = len(shape) == value.ndim and all(side in (None, has) for side, has in zip(shape, value.shape, strict=True))
    want(fits, f"{what} has shape {list(value.shape)} instead of {list(shape)}")
    want(value.isfinite().all(), f"{what} is not finite")


def _check_terms(terms: dict[str, Tensor]) -> None:
    want(terms and all(isinstance(name, str) for name in terms), "the loss has no terms with names")
    for name, value in terms.items():
        _check_tensor(value, (), f"loss term {name}")


def aimed(trial: Trial) -> None:
    """Without targets the predicted classes are explained, and explain says the logits of forward."""
    method, batch = trial.rehearsal.method, trial.pictures
    with torch.no_grad():
        found = method.explain(batch)
        given = method.explain(batch, found.logits.argmax(1))
    compare(found, given, "without targets, and with the predicted classes,", 0.0)
    agree(found.logits, logits_of(method, batch), "logits of explain and forward")


def repeatable(trial: Trial) -> None:
    """Evaluation draws nothing, changes nothing, and leaves no gradient."""
    method, batch, found = trial.rehearsal.method, trial.pictures, []
    before = state_of(method)
    method.zero_grad()
    for seed in range(2):
        torch.manual_seed(seed)
        with torch.no_grad():
            found.append(method.explain(batch, batch.labels))
    compare(*found, "twice", 0.0)
    want(state_of(method) == before and not method.training, "explain changes the method")
    left = [name for name, parameter in method.named_parameters() if parameter.grad is not None]
    want(not left, f"explain leaves a gradient on {left[:1]}")
    kept = [name for name, value in tensors(found[0]).items() if value.requires_grad]
    want(not kept, f"{kept[:1]} of an explanation carries a graph")
    twins = [trial.build(trial.backbone, seed=5) for _ in range(2)]
    want(state_of(twins[0]) == state_of(twins[1]), "two methods built from one seed differ")


@torch.no_grad()
def independent(trial: Trial) -> None:
    """An image's explanation is the same alone, in another order and among other images."""
    method, batch = trial.rehearsal.method, trial.pictures
    whole = method.explain(batch, batch.labels)
    for what, chosen in (("alone", [2]), ("in another order", [4, 2, 0, 3, 1]), ("among other images", [2, 0])):
        some = torch.tensor(chosen)
        found = method.explain(part_of(batch, some), batch.labels[some])
        expected = {name: value[some] for name, value in tensors(whole).items()}
        for name, value in tensors(found).items():
            agree(value, expected[name], f"{name} of images {what} and in a batch")


def plain(trial: Trial) -> None:
    """Images as a plain tensor are taken wherever a batch is, in every way to ask."""
    method, batch = trial.rehearsal.method, trial.pictures
    images, labels = batch.images, batch.labels
    bare = Batch(images, labels)
    with torch.no_grad():
        pairs = {"forward": (method(images), method(bare)),
                 "part_order": (method.part_order(images, labels), method.part_order(bare, labels))}
        pairs |= {f"loss term {name}": (value, _loss(method, bare)[name])
                  for name, value in _loss(method, images, labels).items()}
        compare(method.explain(images, labels), method.explain(bare, labels), "of a tensor and of a batch", 0.0)
        levels = method.hierarchy(bare)
        pairs |= {f"level {name}": (level.part_maps, levels[name].part_maps)
                  for name, level in method.hierarchy(images).items()}
    for what, (one, other) in pairs.items():
        agree(one, other, f"{what} of a tensor and of a batch", 0.0)


@torch.no_grad()
def stored(trial: Trial) -> None:
    """Tokens that enter block ``prefix_blocks`` stand for the images, in both views, as the card says."""
    method, batch, backbone = trial.rehearsal.method, trial.pictures, trial.backbone
    if told := method.card.prefix(method.settings):
        want(method.prefix_blocks == backbone.depth - told.left, f"the card leaves {told.left} blocks after the prefix")
        want(("warped" in method.views) == told.warped, f"the card says warped={told.warped} of the prefix")
    if method.prefix_blocks is None:
        return
    want(0 <= method.prefix_blocks <= backbone.depth, f"prefix_blocks is {method.prefix_blocks}")
    batch = batch.with_warp(torch.Generator().manual_seed(0)) if "warped" in method.views else batch
    tokens = method.tokens(batch)
    agree(tokens, backbone.run(backbone.embed(batch.images), 0, method.prefix_blocks), "tokens and the backbone's")
    warped = batch.warped and replace(batch.warped, images=None, tokens=method.tokens(batch.warped))
    given = replace(batch, images=None, tokens=tokens, warped=warped)
    agree(method(given), method(batch), "logits of tokens and of images")
    compare(method.explain(given, batch.labels), method.explain(batch, batch.labels), "of tokens and of images")
    expected = _loss(method, batch)
    for name, value in _loss(method, given).items():
        agree(value, expected[name], f"loss term {name} of tokens and of images")


@torch.no_grad()
def finite_terms(trial: Trial) -> None:
    """The loss has named, finite terms; a second view may come with the batch, and is drawn where it does not."""
    method, batch = trial.rehearsal.method, trial.pictures
    views = method.views
    want(views in (("clean",), ("clean", "warped")), f"views are {views}")
    terms = _loss(method, batch)
    _check_terms(terms)
    if "warped" in views:
        given = _loss(method, batch.with_warp(torch.Generator().manual_seed(0)))
        _check_terms(given)
        want(set(given) == set(terms), f"a view that is given changes the terms to {sorted(given)}")
        other = _loss(method, batch.with_warp(torch.Generator().manual_seed(1)))
        used = any(not value.equal(other[name]) for name, value in given.items())
        want(used, "the loss is the same for any warped view")


def _loss(method: Method, *given: Any) -> dict[str, Tensor]:
    torch.manual_seed(0)  # a view may be drawn
    return method.loss(*given)


def tensors(found: Explanation) -> dict[str, Tensor]:
    """Every tensor of an explanation by name."""
    own = {field.name: getattr(found, field.name) for field in fields(found) if field.name != "levels"}
    more = {f"{field.name} of {name}": getattr(level, field.name) for name, level in found.levels.items()
            for field in fields(level)}
    return {name: value for name, value in {**own, **more}.items() if value is not None}


def compare(one: Explanation, other: Explanation, what: str, tolerance: float = _ROUNDING) -> None:
    """Want two explanations equal but for rounding."""
    values, others = tensors(one), tensors(other)
    want(values.keys() == others.keys(), f"explanations {what} hold {sorted(values)} and {sorted(others)}")
    for name, value in values.items():
        agree(value, others[name], f"{name} {what}", tolerance)
