"""Annotated parts covered one at a time on real images: what does the score lose with each?"""

import torch
from torch import Tensor

from ... import metrics
from ...datasets import Sample
from .context import Context

NEEDS = ("occlusion",)


def run(context: Context) -> None:
    """Leaves ``occlusion``: evidence on each part and what the score loses under a disc over it."""
    if not _has_work(context):
        return
    protocol = context.protocol
    for clean in context.batches(protocol.fidelity_view, indices=context.subset(protocol.occlusion_images)):
        explanation, targets = context.explain_target(clean)
        saliency = metrics.upsample_saliency(explanation.saliency.float(), context.size).cpu()
        answers = context.answers(_covered(context, sample, image)
                                  for sample, image in zip(clean.samples, clean.batch.images, strict=True))
        for row, (sample, logits) in enumerate(zip(clean.samples, answers, strict=True)):
            values = _effect(context, sample, logits, saliency[row], int(targets[row]))
            context.evidence.add("occlusion", "final", clean.batch.ids[row:row + 1], clean.batch.labels[row:row + 1],
                                 **{name: value[None] for name, value in values.items()})
        context.reporter.step("cover parts", len(clean.samples), 1.0 + len(context.dataset.parts))


def _has_work(context: Context) -> bool:
    return bool(context.dataset.parts) and context.wanted(*NEEDS)


def _radius(context: Context) -> float:
    return context.protocol.occlusion_radius * context.size / 224


def _covered(context: Context, sample: Sample, image: Tensor) -> Tensor:
    """The image, and the image without each of its V valid parts: [1 + V, 3, S, S]."""
    backbone = context.method.backbone
    substrate = metrics.substrate(image[None], "insertion", context.protocol, backbone.mean, backbone.std)[0]
    covered = metrics.covered_parts(image, substrate, sample.keypoints, sample.visible, _radius(context))
    return torch.cat([image[None], covered])


def _effect(context: Context, sample: Sample, logits: Tensor, saliency: Tensor, target: int) -> dict[str, Tensor]:
    """Evidence, drop of the target's log-probability and validity of each part, [P] each."""
    valid = metrics.on_image(sample.keypoints, sample.visible, context.size)
    scores = logits.double().log_softmax(1)[:, target].cpu()
    drop = torch.full((len(valid),), torch.nan, dtype=torch.float64)
    drop[valid] = scores[0] - scores[1:]
    return {"evidence": metrics.disc_evidence(saliency, sample.keypoints, sample.visible, _radius(context)),
            "score_drop": drop, "valid": valid}
