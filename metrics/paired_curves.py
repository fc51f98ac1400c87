"""Insertion and deletion curves of many images at once, in full batches and few forward passes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .adaptive import filled, first_points, looks_per_round, next_points
from .fidelity import Predict, followed
from .pixel_order import pixel_ranks, replaced_pixels

_INSERTION, _DELETION = 0, 1
_ENDS = 3  # forward passes for what both curves begin and end with: the clean image is an end of each


@dataclass(frozen=True)
class Curves:
    """Both curves of images.

    Attributes:
        insertion, deletion: [B, S + 1]; straight lines between the points where the model was asked.
        known_insertion, known_deletion: bool [B, S + 1], the points where it was.
        forwards: pictures that the model was asked about, over all images.
    """

    insertion: Tensor
    deletion: Tensor
    known_insertion: Tensor
    known_deletion: Tensor
    forwards: int


@torch.no_grad()
def fidelity_curves(predict: Predict, images: Tensor, saliency: Tensor, targets: Tensor, insertion_start: Tensor,
                    deletion_end: Tensor, steps: int = 224, forwards: int | None = 40,
                    batch_size: int = 64) -> Curves:
    """Insertion and deletion curves of a batch, as :func:`perturbation_curve` gives them one by one.

    With ``forwards``, points are placed in rounds where an image's own two curves may hide most, see :mod:`.adaptive`;
    :func:`auc` of the result is the estimate of the area. It is as good as the curve is smooth: n looks at a curve that
    jumps by s from step to step leave an error of about s / sqrt(n).

    Args:
        predict: images [b, 3, H, W] -> probabilities [b, C].
        images: [B, 3, H, W], normalised.
        saliency: [B, H, W]; ranks pixels as in :func:`perturbation_curve`.
        targets: long [B], class to follow.
        insertion_start: [B, 3, H, W], what insertion puts pixels into: :func:`substrate`.
        deletion_end: [B, 3, H, W], what deletion leaves. If it is the same for all images, the model sees it once.
        steps: point i has round(i * H * W / steps) pixels replaced.
        forwards: most pictures of one image, for both curves together; None: every step of both, exactly.
        batch_size: pictures given to the model at once.

    Returns:
        On the images' device, in the precision of ``predict``. An image's curves do not depend on the others.

    Raises:
        ValueError: no image, no step, fewer than 3 forwards, no batch, a target that predict has no column for, a
            probability that is not finite, or shapes that do not belong together.
    """
    _check(images, saliency, targets, insertion_start, deletion_end, forwards, batch_size)
    asked = _Asked(predict, images, pixel_ranks(saliency).to(images.device), targets.cpu(),
                   insertion_start.to(images), deletion_end.to(images), steps, batch_size)
    every = 2 * steps + 1
    if forwards is None or forwards >= every:
        asked.ask(torch.ones_like(asked.known))
        return asked.curves()
    first = first_points(steps, forwards - _ENDS)
    asked.ask(first.expand_as(asked.known))
    for looks in looks_per_round(forwards - _ENDS - 2 * (int(first.sum()) - 2)):
        asked.ask(torch.stack([next_points(values, known, looks)
                               for values, known in zip(asked.values, asked.known, strict=True)]))
    return asked.curves()


class _Asked:
    """What the model was asked about a batch of images so far, and what it said."""

    def __init__(self, predict: Predict, images: Tensor, ranks: Tensor, targets: Tensor, insertion_start: Tensor,
                 deletion_end: Tensor, steps: int, batch_size: int):
        self.predict, self.images, self.ranks, self.targets = predict, images, ranks, targets
        self.substrates = insertion_start, deletion_end
        self.replaced = replaced_pixels(ranks[0].numel(), steps).tolist()
        self.batch_size, self.forwards = batch_size, 0
        self.known = torch.zeros(len(images), 2, steps + 1, dtype=torch.bool)
        self.values = torch.zeros(self.known.shape)

    def ask(self, points: Tensor) -> None:
        """Ask about the points bool [B, 2, S + 1], each picture once."""
        wanted = points & ~self.known
        wanted[:, _DELETION, 0] = False  # the clean image, where insertion ends
        if wanted[:, _DELETION, -1].all() and (self.substrates[_DELETION] == self.substrates[_DELETION][:1]).all():
            self._ask_common_end()
            wanted[:, _DELETION, -1] = False
        for some in wanted.nonzero().split(self.batch_size):
            pictures = torch.stack([self._picture(*point) for point in some.tolist()])
            self._keep(tuple(some.T), followed(self._forward(pictures), self.targets[some[:, 0]]))
        self.values[:, _DELETION, 0] = self.values[:, _INSERTION, -1]
        self.known |= points

    def curves(self) -> Curves:
        insertion, deletion = filled(self.values, self.known).to(self.images.device).unbind(1)
        return Curves(insertion, deletion, *self.known.to(self.images.device).unbind(1), self.forwards)

    def _ask_common_end(self) -> None:
        answer = self._forward(self.substrates[_DELETION][:1]).expand(len(self.targets), -1)
        self._keep((slice(None), _DELETION, -1), followed(answer, self.targets))

    def _picture(self, image: int, mode: int, step: int) -> Tensor:
        replaced = self.ranks[image] < self.replaced[step]
        shown = replaced if mode == _INSERTION else ~replaced
        return torch.where(shown, self.images[image], self.substrates[mode][image])

    def _forward(self, pictures: Tensor) -> Tensor:
        self.forwards += len(pictures)
        return self.predict(pictures)

    def _keep(self, where: tuple, found: Tensor) -> None:
        self.values = self.values.to(found.dtype)
        self.values[where] = found.cpu()


def _check(images: Tensor, saliency: Tensor, targets: Tensor, insertion_start: Tensor, deletion_end: Tensor,
           forwards: int | None, batch_size: int) -> None:
    if (images.ndim != 4 or not len(images) or saliency.shape != (len(images), *images.shape[2:])
            or targets.shape != images.shape[:1] or not insertion_start.shape == deletion_end.shape == images.shape):
        shapes = [list(some.shape) for some in (images, insertion_start, deletion_end, saliency, targets)]
        raise ValueError("images, insertion_start, deletion_end [B,3,H,W], saliency [B,H,W] and targets [B] must "
                         f"belong together, with at least one image: {str(shapes)[1:-1]}")
    if forwards is not None and forwards < _ENDS:
        raise ValueError(f"the ends of both curves take {_ENDS} forwards, got {forwards}")
    if batch_size < 1:
        raise ValueError(f"a batch holds at least one picture, got {batch_size}")
