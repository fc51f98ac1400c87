"""What every pass over images works with: the method, the split, the protocol, and where evidence goes."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from torch import Tensor

from ... import metrics
from ...datasets import PartDataset, Split, view
from ...methods import Batch, Explanation, Method
from ...metrics import Protocol
from ..forwards import Evaluation
from ..loaders import Clean, Normalise, clean_batches
from ..prefix.plain import PlainViews
from ..progress import Reporter
from ..scoring.evidence import Evidence

T = TypeVar("T")
_AT_ONCE = 64


@dataclass
class Context:
    """One method on one split under one protocol.

    Attributes:
        split: name of the split that is scored.
        fit_on: name of the split that the method was trained on.
        normalise: uint8 images to what the backbone takes.
        needs: what the scored metrics need, see :class:`~partbench.metrics.MetricCard`.
        workers: processes that decode images.
        accumulation: parts that all batches are cut into to fit into memory; no score depends on it.
        labels: label by image id, where they are not to be the data set's.
        plain: what the method's frozen first blocks make of images, where the run stores it; else None.
        model_seconds: time spent in the model so far.
    """

    method: Method
    dataset: PartDataset
    split: str
    fit_on: str
    protocol: Protocol
    normalise: Normalise
    batch_size: int
    reporter: Reporter
    needs: Collection[str]
    workers: int = 0
    labels: Mapping[str, int] | None = None
    evidence: Evidence = field(default_factory=Evidence)
    model_seconds: float = 0.0
    accumulation: int = 1
    plain: PlainViews | None = None

    @property
    def read_at_once(self) -> int:
        """Pictures in a batch."""
        return max(1, self.batch_size // self.accumulation)

    @property
    def at_once(self) -> int:
        """Perturbed images given to the model at once."""
        return max(1, _AT_ONCE // self.accumulation)

    @property
    def pictures(self) -> Split:
        return self.dataset[self.split]

    @property
    def foreseen(self) -> Evaluation:
        """What the cost of the passes depends on."""
        return Evaluation(self.protocol, self.needs, len(self.pictures), len(self.dataset[self.fit_on]),
                          len(self.dataset.parts), self.dataset.planted, self.method.card.class_specific)

    @property
    def size(self) -> int:
        """Side of the images that the model takes."""
        return self.method.backbone.image_size

    def wanted(self, *needs: str) -> bool:
        """Whether a scored metric needs one of these."""
        return not set(needs).isdisjoint(self.needs)

    def batches(self, name: str, split: str | None = None, indices: Sequence[int] | None = None,
                masks: bool = False, normalised: bool = True) -> Iterator[Clean]:
        """A split (the scored one by default), or those of its images, in file order, as a view shows them.

        ``normalised``: False leaves images in [0, 1].
        """
        pictures = self.dataset[split or self.split]
        for clean in clean_batches(pictures, view(name, self.size), self.normalise, self.read_at_once, self.workers,
                                   indices, masks):
            if not normalised:
                images = self.normalise.undone(clean.batch.images)
                clean = replace(clean, batch=replace(clean.batch, images=images))
            yield clean if self.labels is None else clean.relabelled(self.labels)

    def subset(self, images: int) -> list[int]:
        """Indices of the images that are perturbed, covered or drawn again."""
        return metrics.fidelity_subset(self.pictures.ids, self.pictures.labels.tolist(), self.protocol, images)

    def annotation(self, clean: Clean) -> tuple[Tensor, Tensor]:
        """Keypoints [N, P, 2] on the protocol's canvas, and their visibility [N, P]."""
        scale = self.protocol.canvas / self.size
        keypoints = torch.stack([sample.keypoints for sample in clean.samples]) * scale
        return keypoints, torch.stack([sample.visible for sample in clean.samples])

    def batch(self, images: Tensor) -> Batch:
        """Pictures, uint8 [B, 3, S, S], as the model takes them."""
        return Batch(images=self.normalise(images))

    def explain(self, batch: Batch, targets: Tensor | None = None, saliency: bool = False) -> Explanation:
        """The method's explanation, timed."""
        return self.timed(lambda: self.method.explain(batch, targets, saliency=saliency))

    def tokens(self, images: Tensor) -> Tensor:
        """What :attr:`plain` makes of normalised images [B, 3, H, W], timed: [B, S, D]."""
        return self.timed(lambda: self.plain.computed(images))

    def logits(self, images: Tensor) -> Tensor:
        """The method's answers to normalised images [B, 3, S, S], timed: float32 [B, C]."""
        # In parts of equal size: a GPU takes as long for a small rest as for a full part.
        return torch.cat([self.timed(lambda some=some: self.method(some).float())
                          for some in images.tensor_split(-(-len(images) // self.at_once))])

    def answers(self, stacks: Iterable[Tensor]) -> Iterator[Tensor]:
        """:meth:`logits` of each stack [n, 3, S, S], of several in one batch; a stack is made when it is needed."""
        held: list[Tensor] = []
        for stack in stacks:
            held.append(stack)
            if sum(map(len, held)) >= self.at_once:
                yield from self._answered(held)
                held = []
        if held:
            yield from self._answered(held)

    def _answered(self, stacks: list[Tensor]) -> Sequence[Tensor]:
        return self.logits(torch.cat(stacks)).split([len(stack) for stack in stacks])

    def probabilities(self, images: Tensor) -> Tensor:
        """Class probabilities [B, C] of normalised images."""
        return self.logits(images).softmax(1)

    def explain_target(self, clean: Clean) -> tuple[Explanation, Tensor]:
        """Saliency of a batch for the class that the protocol follows, and those classes [N]."""
        targets = clean.batch.labels if self.protocol.saliency_target == "label" else None
        explanation = self.explain(clean.batch, targets, saliency=True)
        return explanation, explanation.logits.argmax(1) if targets is None else targets

    def followed(self, clean: Clean) -> Tensor:
        """The classes [N] whose score the protocol follows."""
        return clean.batch.labels if self.protocol.saliency_target == "label" else self.logits(
            clean.batch.images).argmax(1)

    def timed(self, work: Callable[[], T]) -> T:
        """What ``work`` gives; its seconds are the model's."""
        self.reporter.heed()
        started = time.monotonic()
        done = work()
        if self.normalise.device.type == "cuda":
            torch.cuda.synchronize()
        self.model_seconds += time.monotonic() - started
        return done
