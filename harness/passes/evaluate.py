"""From a trained method to evidence: which passes a protocol asks for, and what they cost."""

import torch

from ..gallery import Gallery
from ..scoring.evidence import Evidence
from . import covered, parts, perturbed, redrawn, whole_images
from .context import Context

PASSES = (whole_images, parts, perturbed, covered, redrawn)


@torch.no_grad()
def evaluate(context: Context) -> Evidence:
    """Make every pass that the protocol's metrics need. Maps live for one batch; what stays is evidence."""
    context.method.eval()
    for one in PASSES:
        one.run(context)
    return context.evidence


@torch.no_grad()
def draw_gallery(context: Context) -> Gallery:
    """Explanations of a few images, for the report."""
    context.method.eval()
    gallery = Gallery.choose(context.pictures)
    chosen = sorted(context.pictures.ids.index(name) for name in gallery.ids)
    shown = list(context.batches("full", indices=chosen))
    gallery.fill([sample for clean in shown for sample in clean.samples],
                 lambda images: context.explain(context.batch(images), saliency=True),
                 lambda images: context.method.hierarchy(context.batch(images)), context.at_once)
    return gallery


def evaluation_cost(context: Context) -> float:
    """Forward passes of one image that :func:`evaluate` takes, for the time left."""
    return context.foreseen.forwards

