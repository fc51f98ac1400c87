"""What a plan costs before it is run: images, forward passes and multiply-adds. No torch.

The unit is one plain forward pass of the backbone on one image: a training step is worth several (``step_cost`` of a
method's card, measured by ``benchmarks/step_cost.py``), an explanation about one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...datasets import DatasetCard, PartDataset
from ...methods.cards.layouts import layout_of
from ...methods.catalogue import registry as methods
from ..controls.names import missing_controls
from ..forwards import Evaluation, needs_of
from ..plan import Job


@dataclass(frozen=True)
class Sizes:
    """How much there is to look at.

    Attributes:
        images: by split.
        parts: annotated parts.
        planted: pictures can be drawn again without a part.
    """

    images: Mapping[str, int]
    parts: int
    planted: bool

    @classmethod
    def of(cls, dataset: PartDataset) -> "Sizes":
        """Of the data at hand."""
        splits = ("train", "val", "train+val", "test")
        return cls({split: len(dataset[split]) for split in splits}, len(dataset.parts), dataset.planted)

    @classmethod
    def official(cls, card: DatasetCard) -> "Sizes | None":
        """Of the complete data set; None where its card does not say."""
        counts = card.counts
        if not {"train", "test"} <= counts.keys():
            return None
        # Without an official validation set a tenth of each class is held out.
        classes = counts.get("classes", 1)
        val = counts.get("val", classes * max(1, round(counts["train"] / classes / 10)))
        train = counts["train"] if "val" in counts else counts["train"] - val
        return cls({"train": train, "val": val, "train+val": train + val, "test": counts["test"]},
                   counts.get("parts", 0), False)


@dataclass(frozen=True)
class Cost:
    """Of one run or of many.

    Attributes:
        images: seen in training.
        training, scoring: plain forward passes of one image.
    """

    images: int = 0
    training: float = 0.0
    scoring: float = 0.0

    @property
    def forwards(self) -> float:
        return self.training + self.scoring

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.images + other.images, self.training + other.training, self.scoring + other.scoring)


def costs(jobs: Iterable[Job], sizes: Sizes) -> list[Cost]:
    """Of each job; what several of them train together is counted with the first."""
    found, trained = [], set()
    for job in jobs:
        found.append(_cost(job, sizes, job.spec.training_id in trained))
        trained.add(job.spec.training_id)
    return found


def _cost(job: Job, sizes: Sizes, trained: bool) -> Cost:
    spec, card = job.spec, methods.get(job.spec.method)
    images = 0 if trained else sizes.images[spec.fit_on] * spec.epochs
    evaluation = evaluation_of(job, sizes)
    controls = missing_controls(job.run_id, job.protocol, job.split, ()) if job.controls else ()
    return Cost(images, images * card.step_costs.get(spec.variant, card.step_cost),
                evaluation.forwards + evaluation.of_controls(controls))


def evaluation_of(job: Job, sizes: Sizes) -> Evaluation:
    """What the cost of a job's evaluation depends on."""
    rules, images = job.protocol, sizes.images
    return Evaluation(rules, needs_of(rules), images[job.split], images[job.spec.fit_on], sizes.parts, sizes.planted,
                      methods.get(job.spec.method).class_specific)


def multiply_adds(backbone: str, image_size: int) -> float | None:
    """Of a plain forward pass of one image; None where the name does not tell the backbone's layout.

    Linear layers and the two products of attention; biases, norms and activations are left out, as is usual.
    """
    found = layout_of(backbone, image_size)
    if found is None:
        return None
    tokens, width = found.tokens, found.width
    block = 12 * tokens * width**2 + 2 * tokens**2 * width
    return float(found.patches * 3 * found.patch**2 * width + found.depth * block)
