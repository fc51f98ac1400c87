"""Lie detectors of one run: explanations that cannot know why its model answers as it does, scored like its own."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ... import metrics
from ...methods import Method
from ..forwards import CONTROL_IMAGES
from ..loaders import Clean
from ..passes import parts, perturbed
from ..passes.context import Context
from ..passes.evaluate import evaluate
from ..scoring.evidence import Evidence, Record
from ..seeds import generator
from .names import OF_A_METHOD


def method_controls(context: Context, untrained: Callable[[], Method],
                    names: list[str]) -> Iterator[tuple[str, Evidence]]:
    """Evidence of each named control.

    Args:
        context: of the run, after its evaluation.
        untrained: makes the method as it was before training.
    """
    for name in names:
        with torch.no_grad():
            evidence = _MAKE[name](context, untrained)
        yield name, evidence


def controls_cost(context: Context, names: list[str]) -> float:
    """Forward passes, about."""
    return context.foreseen.of_controls(names)


def _fresh(context: Context, **changes) -> Context:
    return replace(context, evidence=Evidence(), model_seconds=0.0, **changes)


def _images(context: Context) -> int:
    return min(CONTROL_IMAGES, context.protocol.fidelity_images)


def _untrained(context: Context, untrained: Callable[[], Method]) -> Evidence:
    """The method before training: what its architecture and backbone score without having learnt the classes."""
    protocol = context.protocol.model_copy(update={"fidelity_images": _images(context)})
    needs = set(context.needs) & OF_A_METHOD["untrained"]
    return evaluate(_fresh(context, method=untrained(), protocol=protocol, needs=needs))


def _swapped(context: Context, _: Callable[[], Method]) -> Evidence:
    """Its maps of another image of the class: what a score owes to the class and not to the image."""
    own = _fresh(context)
    for level in context.evidence.levels("peaks"):
        record = context.evidence.get("peaks", level)
        other = _another_of_its_class(record)
        own.evidence.put("peaks", level, Record(record.ids, record.labels, {
            name: value[other] for name, value in record.values.items()}))
        own.evidence.put("keypoints", "", context.evidence.get("keypoints"))
    if own.wanted(*perturbed.NEEDS):
        perturbed.run(own, perturbed.borrowed(own, _images(own)), _images(own))
    return own.evidence


def _another_of_its_class(record: Record) -> Tensor:
    """For every image the next of its class, in the order of their ids; its own index where there is no other."""
    order = sorted(range(len(record)), key=lambda row: (int(record.labels[row]), record.ids[row]))
    source = torch.arange(len(record))
    for place, row in enumerate(order):
        following = order[(place + 1) % len(order)]
        if record.labels[following] != record.labels[row]:
            following = next(other for other in order if record.labels[other] == record.labels[row])
        source[row] = following
    return source


def _shuffled(context: Context, _: Callable[[], Method]) -> Evidence:
    """Labels dealt out anew: what a score owes to knowing the class at all.

    Maps are those for the class that was dealt; saliency explains it, while the score followed is the answer's.
    """
    pictures = context.pictures
    dealt = torch.tensor(pictures.labels)[torch.randperm(len(pictures), generator=generator("shuffled labels"))]
    labels = dict(zip(pictures.ids, dealt.tolist(), strict=True))
    own = _fresh(context, needs=set(context.needs) & OF_A_METHOD["shuffled"])
    _relabel(context, own, labels)
    if own.wanted(*perturbed.NEEDS):
        perturbed.run(own, lambda clean: _explained_for(own, clean, labels), _images(own))
    return own.evidence


def _relabel(context: Context, own: Context, labels: dict[str, int]) -> None:
    """Evidence of the run under the dealt labels; part maps that depend on the class are made anew."""
    known = [key for key in context.evidence.keys() if key[0] in ("logits", "peaks", "keypoints")]
    for kind, level in known:
        record = context.evidence.get(kind, level)
        dealt = torch.tensor([labels[name] for name in record.ids])
        own.evidence.put(kind, level, replace(record, labels=dealt))
    if context.method.card.class_specific and own.wanted(*parts.NEEDS):
        own.evidence.drop(("peaks", "keypoints"))
        parts.run(replace(own, labels=labels))


def _explained_for(context: Context, clean: Clean, labels: dict[str, int]) -> tuple[Tensor, Tensor]:
    dealt = torch.tensor([labels[name] for name in clean.batch.ids], device=clean.batch.labels.device)
    explanation = context.explain(clean.batch, dealt, saliency=True)
    return explanation.saliency, explanation.logits.argmax(1)


def _by_map(saliency: Callable[[Context, Clean], Tensor]) -> Callable[[Context, Callable[[], Method]], Evidence]:
    """Insertion and deletion of the run's model along a map that never saw it."""
    def make(context: Context, _: Callable[[], Method]) -> Evidence:
        own = _fresh(context)
        perturbed.run(own, lambda clean: (saliency(own, clean), own.followed(clean)), _images(own))
        return own.evidence

    return make


def _gaussian(context: Context, clean: Clean) -> Tensor:
    return metrics.centre_gaussian(context.size, context.size).expand(len(clean.samples), -1, -1)


def _edges(context: Context, clean: Clean) -> Tensor:
    cells = _cells(context)
    return metrics.edge_maps(clean.batch.images, (cells, cells))


def _random(context: Context, clean: Clean) -> Tensor:
    cells = _cells(context)
    return torch.stack([torch.rand(cells, cells, generator=generator("random map", name)) for name in clean.batch.ids])


def _cells(context: Context) -> int:
    """Side of the grid of a map that no model made: as fine as most backbones' patches."""
    return max(1, context.size // 16)


_MAKE: dict[str, Callable[[Context, Callable[[], Method]], Evidence]] = {
    "untrained": _untrained, "swapped": _swapped, "shuffled": _shuffled, "gaussian": _by_map(_gaussian),
    "edges": _by_map(_edges), "random": _by_map(_random)}
