"""What the accumulators share: list states on the metric's device, and an interval over classes."""

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from .protocol import Protocol
from .statistics import Resampled, class_interval, mean_interval, ratio_of_sums

RESAMPLES = 10_000  # a few milliseconds each, for all rows of a run draw alike


class ClassMetric(Metric):
    """A score over images that belong to classes.

    A subclass names the states it adds to ``labels``, keeps them in ``update``, and says its score and how the score
    follows from how often each class is drawn. ``compute`` is exact for any split into batches.
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True
    plot_lower_bound, plot_upper_bound = 0.0, 1.0
    states: tuple[str, ...] = ()

    def __init__(self, protocol: Protocol):
        super().__init__()
        self.protocol = protocol
        for name in ("labels", *self.states):
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def keep(self, labels: Tensor, **values: Tensor) -> None:
        """Append one batch; every tensor begins with the images.

        Raises:
            ValueError: tensors of different lengths.
        """
        for name, value in values.items():
            if len(value) != len(labels):
                raise ValueError(f"{name} has {len(value)} images, labels {len(labels)}")
        for name, value in {"labels": labels, **values}.items():
            getattr(self, name).append(value.detach().to(self.device))

    def gathered(self, name: str) -> Tensor:
        """A state over all images seen.

        Raises:
            ValueError: no image was seen.
        """
        if not self.images:
            raise ValueError(f"{type(self).__name__} needs at least one image; call update first")
        return dim_zero_cat(getattr(self, name))

    @property
    def images(self) -> int:
        """Number of images seen."""
        return sum(map(len, self.labels)) if isinstance(self.labels, list) else len(self.labels)

    def score(self) -> float:
        """The value over all images seen."""
        raise NotImplementedError

    def class_sums(self) -> tuple[Tensor, Tensor, Tensor] | None:
        """What each class adds to the score, so that two runs can be compared class by class.

        Returns:
            Numerators [C] and denominators [C], float64, whose sums' ratio is the score, and the labels long [C] of the
            classes, ascending; None where the score is no such ratio.
        """
        return None

    def resampling(self) -> tuple[int, Resampled]:
        """Number of classes that have something to score, and the score as a function of how often each is drawn."""
        sums = self.class_sums()
        if sums is None:
            raise NotImplementedError(f"{type(self).__name__} says neither class_sums nor resampling")
        numerators, denominators, _ = (column.cpu().numpy() for column in sums)
        counted = denominators != 0
        return int(counted.sum()), ratio_of_sums(numerators[counted], denominators[counted])

    def compute(self) -> Tensor:
        """The score, a float64 scalar."""
        return torch.tensor(self.score(), dtype=torch.float64, device=self.device)

    def interval(self, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float]:
        """95 % interval over classes, see :func:`class_interval`; holds the score."""
        low, high = self._limits(resamples, seed, (self.plot_lower_bound, self.plot_upper_bound))
        score = self.compute().item()  # summed in another order than under the draws: may differ in the last digit
        return min(low, score), max(high, score)

    def _limits(self, resamples: int, seed: int, bounds: tuple[float, float]) -> tuple[float, float]:
        classes, score = self.resampling()
        return class_interval(score, classes, resamples, seed, bounds) if classes else bounds


class ImageMetric(ClassMetric):
    """A mean over images, each with one value; a subclass says which images count, and with what value."""

    def image_values(self) -> tuple[Tensor, Tensor]:
        """Values float64 [M] and labels long [M] of the images that count.

        Raises:
            ValueError: no image counts, or a value is not finite.
        """
        raise NotImplementedError

    def class_weights(self) -> Tensor | None:
        """What each class weighs [C], in the order of its label; None: as many as it has images that count."""
        return None

    def score(self) -> float:
        if self.class_weights() is None:
            return self.image_values()[0].mean().item()
        numerators, denominators, _ = self.class_sums()
        return (numerators.sum() / denominators.sum()).item()

    def class_sums(self) -> tuple[Tensor, Tensor, Tensor]:
        values, labels = self.image_values()
        sums, images = sum_by_class(labels, values)
        weights = self.class_weights()
        if weights is not None:
            sums, images = weights * (sums / images), weights.double()
        return sums, images, labels.unique()

    def _limits(self, resamples: int, seed: int, bounds: tuple[float, float]) -> tuple[float, float]:
        values, labels = self.image_values()
        weights = self.class_weights()
        return mean_interval(values.cpu().numpy(), labels.cpu().numpy(),
                             None if weights is None else weights.cpu().numpy(), resamples, seed, bounds)


class CountedMean(ImageMetric):
    """A mean over the images that count; keeps one number and one bit per image.

    Attributes:
        lacking: what to say where no image counts.
    """

    states = ("values", "counted")
    lacking = ""

    def image_values(self) -> tuple[Tensor, Tensor]:
        counted = self.gathered("counted")
        return counted_values(self.gathered("values"), counted, self.lacking), self.gathered("labels")[counted]


def counted_values(values: Tensor, counted: Tensor, lacking: str) -> Tensor:
    """The values [N] where counted bool [N].

    Raises:
        ValueError: ``lacking``, where none counts; or a value that counts is not finite.
    """
    if not counted.any():
        raise ValueError(lacking)
    if not values[counted].isfinite().all():
        raise ValueError("evidence, saliency or score is not finite on some image")
    return values[counted]


class PartMetric(ClassMetric):
    """A score of where part maps peak. Keeps integers per (image, concept) and (image, keypoint), never a map."""

    states = ("peaks", "keypoints", "visible", "part_ids")

    def update(self, peaks: Tensor, keypoints: Tensor, visible: Tensor, labels: Tensor, part_ids: Tensor) -> None:
        """Add images.

        Args:
            peaks: long [N, K, 2], (x, y) on the protocol's canvas.
            keypoints: [N, P, 2], (x, y) on the protocol's canvas; truncated toward zero.
            visible: bool [N, P].
            labels: long [N].
            part_ids: long [N, K].
        """
        self.keep(labels, peaks=peaks.to(torch.int16), keypoints=integers(keypoints, visible),
                  visible=visible.bool(), part_ids=part_ids)


def integers(keypoints: Tensor, visible: Tensor) -> Tensor:
    """Keypoints as int32, truncated toward zero; what is not visible (it may be NaN) as zero."""
    return torch.where(visible.bool()[..., None], keypoints, 0).to(torch.int32)


def sum_by_class(labels: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Per class, in the order of its label: sum [C] of values [N] and number of images [C], both float64."""
    classes, index = labels.unique(return_inverse=True)
    sums = torch.zeros(len(classes), dtype=torch.float64, device=labels.device).index_add_(0, index, values.double())
    return sums, torch.bincount(index, minlength=len(classes)).double()
