"""Pictures drawn again with one thing changed, and what that does to the answer: the causes that a method should name.

Only data sets with planted truth can draw a picture again; others cost nothing here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ... import metrics
from ...datasets import PartDataset, Sample
from ..forwards import BACKGROUNDS, redrawn_forwards

Effects = dict[str, dict[str, Tensor]]
"""What is kept of one picture: kind of evidence -> tensors [1, ...] by name."""


def forwards_each(dataset: PartDataset) -> int:
    """Forward passes for one picture."""
    return redrawn_forwards(len(dataset.parts)) if dataset.planted else 0


def discriminative_parts(dataset: PartDataset) -> Tensor:
    """bool [C, P]: the parts that tell a class from those that differ from it in the fewest parts.

    Whatever else a classifier looks at, it has to look at one of them. Classes that no part tells apart do not count.
    """
    found = torch.zeros(len(dataset.classes), len(dataset.parts), dtype=torch.bool)
    for label in range(len(dataset.classes)):
        told = [dataset.telling_parts(label, other) for other in range(len(dataset.classes)) if other != label]
        fewest = min(filter(None, map(len, told)), default=0)
        for part in (part for parts in told if len(parts) == fewest for part in parts):
            found[label, dataset.parts.index(part)] = True
    return found


@dataclass(frozen=True)
class Redrawn:
    """A picture, and what it looks like with one thing changed at a time.

    Attributes:
        sample: the picture in its view, with masks.
        valid: bool [P], the part has a pixel in the view.
        images: uint8 [1 + V + D, 3, S, S]: the picture, without each of its V valid parts, on D other backgrounds.
    """

    sample: Sample
    valid: Tensor
    images: Tensor

    def evidence(self, logits: Tensor, target: int, saliency: Tensor, discriminative: Tensor) -> Effects:
        """What the model's answers to :attr:`images` and the method's saliency say.

        Args:
            logits: [1 + V + D, C].
            target: class whose score is followed.
            saliency: [1, h, w], for the target on the picture itself.
            discriminative: bool [P], of the picture's class.
        """
        scores = logits.double().log_softmax(1)
        drop = torch.full((1, len(self.valid)), torch.nan, dtype=torch.float64)
        drop[0, self.valid] = scores[0, target] - scores[1:len(scores) - len(BACKGROUNDS), target]
        masks, probabilities = self.sample.part_masks[None], scores.exp()
        share, counted = metrics.discriminative_share(saliency, masks, discriminative[None])
        return {
            "removal": {"evidence": metrics.part_evidence(saliency, masks), "score_drop": drop,
                        "valid": self.valid[None]},
            "planted": {"share": share, "counted": counted},
            "background": {"distance": metrics.total_variation(probabilities[:1],
                                                               probabilities[None, -len(BACKGROUNDS):])},
        }


def in_view(sample: Sample) -> Tensor:
    """bool [P]: the part has a pixel in the sample's picture."""
    return sample.part_masks.flatten(1).any(1)


@dataclass(frozen=True)
class Redrawing:
    """Index -> the picture's sample, with all of :attr:`Redrawn.images` for its image: what a process can hand over."""

    dataset: PartDataset
    split: str
    view: Callable[[Sample], Sample]

    def __call__(self, index: int) -> Sample:
        drawn = redraw(self.dataset, self.split, index, self.view)
        return replace(drawn.sample, image=drawn.images)


def redraw(dataset: PartDataset, split: str, index: int, view: Callable[[Sample], Sample]) -> Redrawn:
    """Draw picture ``index`` of a split again, without each part that the view shows and on other backgrounds."""
    original = dataset[split][index]
    sample = view(original)
    valid = in_view(sample)
    changes = [{"remove": (dataset.parts[part],)} for part in valid.nonzero().flatten().tolist()]
    changes += [{"background": number} for number in BACKGROUNDS]
    images = [sample.image]
    for change in changes:
        drawn = dataset.intervene(index, split=split, **change)
        # The view's window stays: a box that shrinks with a part would move every other pixel as well.
        drawn = replace(drawn, box=original.box, part_masks=None, object_mask=None)
        images.append(view(drawn).image)
    return Redrawn(sample, valid, torch.stack(images))
