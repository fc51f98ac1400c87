"""What the answer owes to each part and to the background, where pictures can be drawn again."""

from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from ...datasets import view
from ...methods import Batch
from ..decoding import Reader
from ..loaders import Clean
from .context import Context
from .interventions import Redrawing, Redrawn, discriminative_parts, forwards_each, in_view

NEEDS = ("removal", "planted", "background")
_TOGETHER = 8  # pictures explained at once; each is drawn again about as many times


def run(context: Context) -> None:
    """Leaves ``removal``, ``planted`` and ``background``."""
    if not _has_work(context):
        return
    discriminative = discriminative_parts(context.dataset)
    drawn = _drawn(context)
    while some := list(islice(drawn, max(1, _TOGETHER // context.accumulation))):
        stacks = [context.normalise(one.images) for one in some]
        clean = _clean(some, stacks)
        explanation, targets = context.explain_target(clean)
        for row, (one, logits) in enumerate(zip(some, context.answers(stacks), strict=True)):
            evidence = one.evidence(logits.cpu(), int(targets[row]), explanation.saliency[row:row + 1].cpu(),
                                    discriminative[one.sample.label])
            for kind in filter(context.wanted, evidence):
                context.evidence.add(kind, "final", clean.batch.ids[row:row + 1], clean.batch.labels[row:row + 1],
                                     **evidence[kind])
        context.reporter.step("score interventions", len(some), forwards_each(context.dataset))


def _has_work(context: Context) -> bool:
    return context.dataset.planted and context.wanted(*NEEDS)


def _drawn(context: Context) -> Iterator[Redrawn]:
    """The subset, drawn by the processes that decode elsewhere."""
    shown = view(context.protocol.fidelity_view, context.size)
    reader = Reader(Redrawing(context.dataset, context.split, shown), context.workers,
                    context.normalise.device.type == "cuda")
    # One picture at a time: the next has another number of parts in view.
    for pictures in reader.batches([[index] for index in context.subset(context.protocol.planted_images)]):
        sample, = pictures.samples
        yield Redrawn(sample, in_view(sample), pictures.images[0])


def _clean(some: list[Redrawn], stacks: list[Tensor]) -> Clean:
    """The pictures themselves, the first of each stack."""
    samples = [one.sample for one in some]
    labels = torch.tensor([sample.label for sample in samples], device=stacks[0].device)
    return Clean(samples, Batch(images=torch.stack([stack[0] for stack in stacks]), labels=labels,
                                ids=tuple(sample.id for sample in samples)))
