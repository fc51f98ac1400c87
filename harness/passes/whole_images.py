"""Passes over whole images: the prediction, and which map holds which annotated part."""

import torch
from torch import Tensor

from ... import metrics
from ...methods import Level
from ..loaders import Clean
from .context import Context
from .whole_split import whole_split


def run(context: Context) -> None:
    """Leaves ``logits``, ``assignment``, ``overlap``, ``centroids`` and ``landmarks``."""
    protocol = context.protocol
    shared = _discovers(context)
    # One pass serves both where they look at the same pixels.
    together = protocol.accuracy_view == protocol.assignment_view and protocol.assignment_normalised
    if context.wanted("logits") or (shared and together):
        annotated = shared and together
        for clean in whole_split(context, protocol.accuracy_view, masks=annotated, pictures=annotated):
            explanation = context.explain(clean.shown)
            if context.wanted("logits"):
                context.evidence.add("logits", "final", clean.batch.ids, clean.batch.labels, logits=explanation.logits)
            if annotated:
                _discovered(context, clean, explanation.all_levels())
            context.reporter.step("score images", len(clean.batch.ids), 1.0)
    if shared and not together:
        for clean in whole_split(context, protocol.assignment_view, masks=True,
                                 normalised=protocol.assignment_normalised):
            _discovered(context, clean, context.explain(clean.shown).all_levels())
            context.reporter.step("score part discovery", len(clean.samples), 1.0)
    if _regresses(context):
        _fit(context)


def _discovers(context: Context) -> bool:
    """Whether maps are held against annotated parts or masks: they must mean the same in every class, or be masks."""
    return context.wanted("overlap") or (_shared(context) and context.wanted("assignment", "centroids"))


def _shared(context: Context) -> bool:
    return bool(context.dataset.parts) and not context.method.card.class_specific


def _regresses(context: Context) -> bool:
    return _shared(context) and context.wanted("centroids")


def _discovered(context: Context, clean: Clean, levels: dict[str, Level]) -> None:
    """Everything that compares maps with annotation, on one batch."""
    ids, labels = clean.batch.ids, clean.batch.labels
    masks = _stacked(clean, "object_mask")
    for level, maps in levels.items():
        part_maps = maps.part_maps.float().cpu()
        background = None if maps.background is None else maps.background.float().cpu()
        if masks is not None and background is not None and context.wanted("overlap"):
            context.evidence.add("overlap", level, ids, labels,
                                 overlap=metrics.mask_overlap(part_maps, background, masks))
        if _shared(context) and context.wanted("assignment"):
            _assign(context, clean, level, part_maps, background)
    if _regresses(context):
        _locate(context, clean, levels, fit=False)


def _assign(context: Context, clean: Clean, level: str, part_maps: Tensor, background: Tensor | None) -> None:
    where = "assignment", level, clean.batch.ids, clean.batch.labels
    if context.protocol.assignment == "keypoints":
        keypoints, visible = context.annotation(clean)
        context.evidence.add(*where, assignment=metrics.part_assignment(part_maps, background, keypoints, visible,
                                                                        context.protocol.canvas))
        return
    masks = _stacked(clean, "part_masks")
    if masks is not None:
        assigned = metrics.pixel_assignment(part_maps, background, masks.shape[-1])
        true, found, counts = metrics.pair_counts(metrics.pixel_parts(masks), assigned)
        context.evidence.add(*where, assignment=found, true=true, counts=counts)


def _locate(context: Context, clean: Clean, levels: dict[str, Level], fit: bool) -> None:
    """Where maps have their centre of mass, beside the landmarks they should predict."""
    keypoints, visible = context.annotation(clean)
    ids, labels = clean.batch.ids, clean.batch.labels
    fitted = torch.full((len(ids),), fit)
    scale = context.protocol.canvas / context.size
    boxes = torch.tensor([sample.box for sample in clean.samples]) * scale
    context.evidence.add("landmarks", "", ids, labels, keypoints=keypoints, visible=visible, boxes=boxes)
    for level, maps in levels.items():
        centroids, active = metrics.part_centroids(maps.part_maps.float().cpu(), context.protocol.canvas)
        context.evidence.add("centroids", level, ids, labels, centroids=centroids, active=active, fit=fitted)


def _fit(context: Context) -> None:
    """The images that keypoint regression learns from."""
    protocol = context.protocol
    for clean in whole_split(context, protocol.assignment_view, context.fit_on,
                             normalised=protocol.assignment_normalised):
        _locate(context, clean, context.explain(clean.shown).all_levels(), fit=True)
        context.reporter.step("fit landmarks", len(clean.samples), 1.0)


def _stacked(clean: Clean, name: str) -> Tensor | None:
    """A mask of every sample, or None where one has none."""
    masks = [getattr(sample, name) for sample in clean.samples]
    return None if any(mask is None for mask in masks) else torch.stack(masks)
