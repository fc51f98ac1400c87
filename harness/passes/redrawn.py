"""What the answer owes to each part and to the background, where pictures can be drawn again."""

import torch

from ...datasets import view
from ...methods import Batch
from ..loaders import Clean
from .context import Context
from .interventions import discriminative_parts, forwards_each, redraw

NEEDS = ("removal", "planted", "background")


def run(context: Context) -> None:
    """Leaves ``removal``, ``planted`` and ``background``."""
    if not _has_work(context):
        return
    discriminative = discriminative_parts(context.dataset)
    shown = view(context.protocol.fidelity_view, context.size)
    for index in context.subset(context.protocol.planted_images):
        drawn = redraw(context.dataset, context.split, index, shown)
        labels = torch.tensor([drawn.sample.label])
        images = context.normalise(drawn.images)
        explanation, target = context.explain_target(Clean([drawn.sample], Batch(
            images=images[:1], labels=labels.to(images.device), ids=(drawn.sample.id,))))
        evidence = drawn.evidence(context.logits(images).cpu(), int(target), explanation.saliency.cpu(),
                                  discriminative[drawn.sample.label])
        for kind in filter(context.wanted, evidence):
            context.evidence.add(kind, "final", (drawn.sample.id,), labels, **evidence[kind])
        context.reporter.step("score interventions", 1, forwards_each(context.dataset))


def _has_work(context: Context) -> bool:
    return context.dataset.planted and context.wanted(*NEEDS)
