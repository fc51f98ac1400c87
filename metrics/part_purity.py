"""Purity: do the image patches in which a concept is strongest show the same object part?

Nauta et al., "PIP-Net: Patch-Based Intuitive Prototypes for Interpretable Image Classification", CVPR 2023.
"""

import torch
from torch import Tensor

from .base import ClassMetric, integers, sum_by_class
from .hits import part_hits
from .statistics import Resampled, ratio_of_sums


def purity(peaks: Tensor, strengths: Tensor, keypoints: Tensor, visible: Tensor, part_ids: Tensor, images: int = 10,
           side: int = 32, image_size: int = 224) -> float:
    """Share of a concept's strongest patches that hold the centre of its most common part, averaged over concepts.

    Args:
        peaks, strengths, keypoints, visible, part_ids, images, side, image_size: see :func:`concept_purity`.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: as :func:`concept_purity`.
    """
    return concept_purity(peaks, strengths, keypoints, visible, part_ids, images, side, image_size).mean().item()


def concept_purity(peaks: Tensor, strengths: Tensor, keypoints: Tensor, visible: Tensor, part_ids: Tensor,
                   images: int = 10, side: int = 32, image_size: int = 224) -> Tensor:
    """Purity of each concept.

    Where equal strengths straddle the last place, the places that are left are shared evenly among them: the order of
    the images does not matter. The public code divides by the patches whose image shows the part, so that a part shown
    once is pure; here, as in the paper, all patches count. It also merges left and right parts of CUB: a caller who
    wants that passes merged keypoints.

    Args:
        peaks: [N, K, 2], (x, y) on the canvas; (-1, -1) is no peak: no patch.
        strengths: [N, K], maximum of each map.
        keypoints: [N, P, 2], (x, y) on the canvas, centres of the annotated parts.
        visible: bool [N, P].
        part_ids: long [N, K], the concept behind map k of image n.
        images: strongest patches looked at; all there are, where there are fewer.
        side: canvas pixels; a patch reaches side // 2 pixels from its peak, both ends inclusive as in
            :func:`part_hits`.
        image_size: side of the canvas in pixels.

    Returns:
        float64 [Q], of the concepts in the order of their ids; 0 for a concept without a peak.

    Raises:
        ValueError: no image, map or annotated part, a peak whose strength is not finite, or shapes that do not belong
            together.
    """
    _check(peaks, strengths, keypoints, visible, part_ids, images, side)
    concepts, concept = part_ids.unique(return_inverse=True)
    image, column = (peaks >= 0).all(-1).nonzero(as_tuple=True)
    concept, strength = concept[image, column], strengths[image, column].double()
    if not strength.isfinite().all():
        raise ValueError("the strength of a map that has a peak is not finite")
    share = _places(strength, concept, images)
    used = share > 0
    image, column, concept, share = image[used], column[used], concept[used], share[used]
    held = part_hits(peaks[image, column][:, None], keypoints[image], visible[image], side // 2, image_size)[:, 0]
    together = torch.zeros(len(concepts), visible.shape[1], dtype=torch.float64, device=share.device)
    together.index_add_(0, concept, held * share[:, None])
    patches = share.new_zeros(len(concepts)).index_add_(0, concept, share)
    return (together.amax(1) / patches).where(patches > 0, 0).clamp(max=1)  # thirds of a place add up to above one


def _places(strength: Tensor, concept: Tensor, places: int) -> Tensor:
    """How much of one of its concept's first places each patch [M] gets: 1, 0, or a share among equals."""
    order = strength.argsort(descending=True, stable=True)
    order = order[concept[order].argsort(stable=True)]
    strength, concept = strength[order], concept[order]
    first = torch.ones_like(order, dtype=torch.bool)
    first[1:] = (concept[1:] != concept[:-1]) | (strength[1:] != strength[:-1])
    start = first.nonzero()[:, 0]
    ahead = start - torch.searchsorted(concept, concept[start])  # patches of the concept that are stronger
    equals = first.cumsum(0) - 1
    share = ((places - ahead).clamp(min=0) / equals.bincount(minlength=len(start)).double()).clamp(max=1)
    return torch.empty_like(strength).index_put_((order,), share[equals])


def _check(peaks: Tensor, strengths: Tensor, keypoints: Tensor, visible: Tensor, part_ids: Tensor, images: int,
           side: int) -> None:
    if (part_ids.ndim != 2 or peaks.shape != (*part_ids.shape, 2) or strengths.shape != part_ids.shape
            or visible.ndim != 2 or keypoints.shape != (*visible.shape, 2) or len(visible) != len(part_ids)):
        shapes = ", ".join(str(list(each.shape)) for each in (peaks, strengths, keypoints, visible, part_ids))
        raise ValueError("peaks [N,K,2], strengths [N,K], keypoints [N,P,2], visible [N,P] and part_ids [N,K] do not "
                         f"belong together: {shapes}")
    if not part_ids.numel() or not visible.shape[1] or images < 1 or side < 1:
        raise ValueError("purity needs at least one image, part map, annotated part, patch and pixel: "
                         f"{list(part_ids.shape)} maps, {visible.shape[1]} parts, {images} patches of side {side}")


class Purity(ClassMetric):
    """Streaming :func:`purity`. Keeps one number per (image, concept), and integers.

    A class drawn twice would fill a concept's first places with copies. The interval therefore resamples classes only
    where each concept belongs to one class, and concepts where they are shared.
    """

    states = ("peaks", "strengths", "keypoints", "visible", "part_ids")

    def update(self, peaks: Tensor, strengths: Tensor, keypoints: Tensor, visible: Tensor, labels: Tensor,
               part_ids: Tensor) -> None:
        """Add images: as :func:`concept_purity` on the protocol's canvas, labels long [N] for the interval."""
        self.keep(labels, peaks=peaks.to(torch.int16), strengths=strengths.double(),
                  keypoints=integers(keypoints, visible), visible=visible.bool(), part_ids=part_ids)

    def score(self) -> float:
        return self._by_concept().mean().item()

    def resampling(self) -> tuple[int, Resampled]:
        values, part_ids = self._by_concept(), self.gathered("part_ids")
        labels = self.gathered("labels")[:, None].expand_as(part_ids).flatten()
        concept = part_ids.unique(return_inverse=True)[1].flatten()
        lowest, highest = (labels.new_zeros(len(values)).scatter_reduce(0, concept, labels, end, include_self=False)
                           for end in ("amin", "amax"))
        drawn = lowest if (lowest == highest).all() else torch.arange(len(values), device=values.device)
        sums, concepts = sum_by_class(drawn, values)
        return len(sums), ratio_of_sums(sums.cpu(), concepts.cpu())

    def _by_concept(self) -> Tensor:
        return concept_purity(*(self.gathered(name) for name in self.states), self.protocol.purity_images,
                              self.protocol.purity_side, self.protocol.canvas)
