"""Clean and noisy passes over the part view, both from one decoded image: where the maps of a class peak."""

import torch
from torch import Tensor

from ... import metrics
from ...methods import Batch, Level
from ..loaders import Clean
from .context import Context

NEEDS = ("peaks", "noisy_peaks", "strengths", "cover")


def run(context: Context) -> None:
    """Leaves ``keypoints``, ``peaks`` (clean and of every noise draw) and ``cover``."""
    if not _has_work(context):
        return
    for clean in context.batches(context.protocol.part_view, masks=context.wanted("cover")):
        targets = clean.batch.labels if context.protocol.part_target == "label" else None
        levels = context.explain(clean.batch, targets).all_levels()
        noisy = [context.explain(_noisy(context, clean.batch, draw), targets).all_levels()
                 for draw in range(_draws(context))]
        keypoints, visible = context.annotation(clean)
        ids, labels = clean.batch.ids, clean.batch.labels
        context.evidence.add("keypoints", "", ids, labels, visible=visible,
                             keypoints=torch.where(visible[..., None], keypoints, 0).int())
        for level, maps in levels.items():
            context.evidence.add("peaks", level, ids, labels, part_ids=maps.part_ids,
                                 **_peaks(context, maps, [draw[level] for draw in noisy]))
            _cover(context, clean, level, maps)
        context.reporter.step("score parts", len(ids), 1.0 + _draws(context))


def _has_work(context: Context) -> bool:
    # Where no part is annotated, peaks still say how far apart the maps are.
    return context.wanted(*(NEEDS if context.dataset.parts else ("peaks", "cover")))


def _draws(context: Context) -> int:
    return context.protocol.noise_draws if context.wanted("noisy_peaks") and context.dataset.parts else 0


def _noisy(context: Context, batch: Batch, draw: int) -> Batch:
    return Batch(images=metrics.noisy(batch.images, batch.ids, draw, context.protocol), ids=batch.ids)


def _peaks(context: Context, maps: Level, noisy: list[Level]) -> dict[str, Tensor]:
    """Peaks [N, K, 2] and those under noise [N, D, K, 2], in flat maps too, and which maps were flat."""
    canvas = context.protocol.canvas
    drawn = [maps.part_maps.float(), *(level.part_maps.float() for level in noisy)]
    found = torch.stack([metrics.peaks(some, canvas, "score") for some in drawn], 1).to(torch.int16)
    flat = torch.stack([metrics.flat_maps(some) for some in drawn], 1)
    return {"peaks": found[:, 0], "flat": flat[:, 0], "strengths": drawn[0].amax((2, 3)),
            "moved": found[:, 1:], "moved_flat": flat[:, 1:]}


def _cover(context: Context, clean: Clean, level: str, maps: Level) -> None:
    masks = [sample.object_mask for sample in clean.samples]
    if not context.wanted("cover") or any(mask is None for mask in masks):
        return
    cover = metrics.part_cover(maps.part_maps.float().cpu(), torch.stack(masks), context.protocol.cover_maps,
                               context.protocol.cover_threshold)
    context.evidence.add("cover", level, clean.batch.ids, clean.batch.labels, cover=cover)
