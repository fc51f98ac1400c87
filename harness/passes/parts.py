"""Clean and noisy passes over the part view, both from one decoded image: where the maps of a class peak."""

import torch
from torch import Tensor

from ... import metrics
from ...methods import Batch
from ..loaders import Clean
from .context import Context
from .whole_split import whole_split

NEEDS = ("peaks", "noisy_peaks", "strengths", "cover")


def run(context: Context) -> None:
    """Leaves ``keypoints``, ``peaks`` (clean and of every noise draw) and ``cover``."""
    if not _has_work(context):
        return
    for clean in whole_split(context, context.protocol.part_view, masks=context.wanted("cover")):
        keypoints, visible = context.annotation(clean)
        ids, labels = clean.batch.ids, clean.batch.labels
        context.evidence.add("keypoints", "", ids, labels, visible=visible,
                             keypoints=torch.where(visible[..., None], keypoints, 0).int())
        for level, (part_ids, maps) in _explained(context, clean).items():
            context.evidence.add("peaks", level, ids, labels, part_ids=part_ids, **_peaks(context, maps))
            _cover(context, clean, level, maps[0])
        context.reporter.step("score parts", len(ids), 1.0 + _draws(context))


def _has_work(context: Context) -> bool:
    # Where no part is annotated, peaks still say how far apart the maps are.
    return context.wanted(*(NEEDS if context.dataset.parts else ("peaks", "cover")))


def _draws(context: Context) -> int:
    return context.protocol.noise_draws if context.wanted("noisy_peaks") and context.dataset.parts else 0


def _explained(context: Context, clean: Clean) -> dict[str, tuple[Tensor, Tensor]]:
    """By level, part ids [N, K] of the clean pictures, and maps [1 + D, N, K, h, w] of those and every noise draw."""
    batch = clean.batch
    targets = batch.labels if context.protocol.part_target == "label" else None
    draws = [clean.shown, *(Batch(images=metrics.noisy(batch.images, batch.ids, draw, context.protocol), ids=batch.ids)
                            for draw in range(_draws(context)))]
    together = max(1, context.at_once // len(batch))
    ids: dict[str, Tensor] = {}
    maps: dict[str, list[Tensor]] = {}
    for some in (draws[start:start + together] for start in range(0, len(draws), together)):
        explanation = context.explain(_together(context, some),
                                      None if targets is None else targets.repeat(len(some)))
        for level, found in explanation.all_levels().items():
            ids.setdefault(level, found.part_ids[:len(batch)])
            maps.setdefault(level, []).append(found.part_maps.float())
    return {level: (ids[level], torch.cat(found).unflatten(0, (len(draws), len(batch))))
            for level, found in maps.items()}


def _together(context: Context, draws: list[Batch]) -> Batch:
    """Several draws of the same pictures as one batch: of tokens, where the run stores some."""
    ids = tuple(name for draw in draws for name in draw.ids)
    known = [draw.tokens for draw in draws if draw.tokens is not None]
    images = [draw.images for draw in draws if draw.tokens is None]
    if context.plain is None:
        return Batch(images=torch.cat(images), ids=ids)
    # Noisy pictures go through the blocks without the clean ones, stored or not: a batch's size can move last bits.
    return Batch(tokens=torch.cat(known + [context.tokens(torch.cat(some)) for some in (images,) if some]), ids=ids)


def _peaks(context: Context, maps: Tensor) -> dict[str, Tensor]:
    """Peaks [N, K, 2] and those under noise [N, D, K, 2], in flat maps too, and which maps were flat."""
    every = maps.flatten(0, 1)
    found = metrics.peaks(every, context.protocol.canvas, "score").to(torch.int16).unflatten(0, maps.shape[:2])
    flat = metrics.flat_maps(every).unflatten(0, maps.shape[:2])
    return {"peaks": found[0], "flat": flat[0], "strengths": maps[0].amax((2, 3)),
            "moved": found[1:].transpose(0, 1), "moved_flat": flat[1:].transpose(0, 1)}


def _cover(context: Context, clean: Clean, level: str, maps: Tensor) -> None:
    masks = [sample.object_mask for sample in clean.samples]
    if not context.wanted("cover") or any(mask is None for mask in masks):
        return
    cover = metrics.part_cover(maps.cpu(), torch.stack(masks), context.protocol.cover_maps,
                               context.protocol.cover_threshold)
    context.evidence.add("cover", level, clean.batch.ids, clean.batch.labels, cover=cover)
