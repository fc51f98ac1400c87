"""Insertion and deletion of the target's score, on the protocol's subset of images."""

from collections.abc import Callable

import torch
from torch import Tensor

from ... import metrics
from ..forwards import curve_forwards
from ..loaders import Clean
from ..scoring.feeds import CURVES
from .context import Context

NEEDS = CURVES
Saliency = Callable[[Clean], tuple[Tensor, Tensor]]
"""Normalised batch -> saliency [N, h, w] and the classes [N] whose score is followed."""


def run(context: Context, saliency: Saliency | None = None, images: int | None = None) -> None:
    """Leaves ``insertion_curve`` and ``deletion_curve``.

    Args:
        saliency: instead of the method's own.
        images: instead of as many as the protocol takes.
    """
    if not context.wanted(*NEEDS):
        return
    saliency = saliency or (lambda clean: _own(context, clean))
    chosen = context.subset(images or context.protocol.fidelity_images)
    for clean in context.batches(context.protocol.fidelity_view, indices=chosen):
        pixels = metrics.upsample_saliency((found := saliency(clean))[0].float(), context.size)
        curves = _curves(context, clean.batch.images, pixels, found[1])
        for mode in filter(context.wanted, CURVES):
            context.evidence.add(f"{mode}_curve", "final", clean.batch.ids, clean.batch.labels,
                                 curve=getattr(curves, mode))
        context.reporter.step("score fidelity", len(clean.samples), curve_forwards(context.protocol))


def _own(context: Context, clean: Clean) -> tuple[Tensor, Tensor]:
    explanation, targets = context.explain_target(clean)
    return explanation.saliency, targets


def _curves(context: Context, images: Tensor, saliency: Tensor, targets: Tensor) -> "metrics.Curves":
    protocol, backbone = context.protocol, context.method.backbone
    start, end = (metrics.substrate(images, mode, protocol, backbone.mean, backbone.std) for mode in CURVES)
    return metrics.fidelity_curves(context.probabilities, images, saliency, targets, start, end,
                                   steps=protocol.fidelity_steps, forwards=protocol.fidelity_forwards,
                                   batch_size=context.at_once)


def borrowed(context: Context, images: int) -> Saliency:
    """The method's saliency of another image of the same class, where the subset has one.

    The maps of the subset are computed once, at their own grid.
    """
    kept: dict[str, Tensor] = {}
    order: dict[int, list[str]] = {}
    for clean in context.batches(context.protocol.fidelity_view, indices=context.subset(images)):
        for name, label, own in zip(clean.batch.ids, clean.batch.labels.tolist(),
                                    context.explain_target(clean)[0].saliency, strict=True):
            kept[name] = own
            order.setdefault(label, []).append(name)
    following = {name: names[(place + 1) % len(names)] for names in order.values() for place, name in enumerate(names)}

    def saliency(clean: Clean) -> tuple[Tensor, Tensor]:
        _, targets = context.explain_target(clean)
        return torch.stack([kept[following[name]] for name in clean.batch.ids]), targets

    return saliency
