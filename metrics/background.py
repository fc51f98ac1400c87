"""Background sensitivity: how much of an answer is owed to what stands behind the object?"""

from torch import Tensor

from .base import ImageMetric


def background_sensitivity(probabilities: Tensor, changed: Tensor) -> float:
    """Mean distance between the answers to a picture and to the same picture with another background.

    Args:
        probabilities: [N, C], of the classes on the picture.
        changed: [N, D, C], of the classes on the picture with each of D other backgrounds.

    Returns:
        Mean of :func:`total_variation` over images and backgrounds, a fraction in [0, 1]; lower is better.

    Raises:
        ValueError: no image or no background, a probability that is not finite, or shapes that do not belong together.
    """
    distances = total_variation(probabilities, changed)
    if not distances.numel():
        raise ValueError("background_sensitivity needs at least one image and one background")
    return _finite(distances).mean().item()


def total_variation(probabilities: Tensor, changed: Tensor) -> Tensor:
    """Half the summed absolute difference of class probabilities [N, C] and [N, D, C]: float64 [N, D] in [0, 1].

    Raises:
        ValueError: shapes that do not belong together.
    """
    if changed.ndim != 3 or probabilities.shape != (changed.shape[0], changed.shape[2]):
        raise ValueError(f"probabilities [N, C] and changed [N, D, C] do not belong together: "
                         f"{list(probabilities.shape)}, {list(changed.shape)}")
    return (changed.double() - probabilities.double()[:, None]).abs().sum(2) / 2


def _finite(distances: Tensor) -> Tensor:
    if not distances.isfinite().all():
        raise ValueError("a class probability is not finite on some image")
    return distances


class BackgroundSensitivity(ImageMetric):
    """Streaming :func:`background_sensitivity`; keeps one number per image."""

    higher_is_better = False
    states = ("distances",)

    def update(self, distance: Tensor, labels: Tensor) -> None:
        """Add images: distance [N, D] of :func:`total_variation`, labels long [N] for the interval."""
        self.keep(labels, distances=distance.double().mean(1))

    def image_values(self) -> tuple[Tensor, Tensor]:
        return _finite(self.gathered("distances")), self.gathered("labels")
