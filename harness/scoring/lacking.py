"""What keeps a metric from being scored at all, told before anything is trained."""

import numpy as np

from ...datasets import PartDataset
from ...metrics import MetricCard, Protocol

_PARTS = frozenset({"assignment", "centroids", "occlusion"})
_PLANTED = frozenset({"removal", "planted", "background"})
_MASKS = frozenset({"cover", "overlap"})


def lacking(card: MetricCard, dataset: PartDataset, split: str, protocol: Protocol, class_specific: bool) -> str:
    """What a metric needs of a data set or a method and does not find, in words; empty where it finds everything.

    Args:
        class_specific: each class has parts of its own.
    """
    if not dataset.parts and (card.annotated_parts or card.needs in _PARTS):
        return f"annotated parts, and {dataset.name} has none"
    if card.needs in _PLANTED and not dataset.planted:
        return f"pictures that can be drawn again, and {dataset.name} holds photographs"
    if card.shared_parts and class_specific:
        return "parts that all classes share, and those of the method belong to one class each"
    if card.name == "consistency_gain" and np.bincount(dataset[split].labels).max() < 2:
        return f"a class with two images, and every class has one in the split {split}"
    pixels = card.needs == "assignment" and protocol.assignment == "pixels"
    if card.needs in _MASKS or pixels:
        first = dataset[split].read(0)
        if (first.part_masks if pixels else first.object_mask) is None:
            return f"masks, and {dataset.name} has none"
    return ""
