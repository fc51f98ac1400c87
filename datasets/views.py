"""Views that are scored: the full picture, or the bird's box."""

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import unknown
from .base import Sample
from .geometry import resample


def view(name: str, image_size: int) -> Callable[[Sample], Sample]:
    """A transform to ``image_size`` x ``image_size``, picklable.

    ``"full"``: shorter side to ``image_size``, then the centre square; needs the image.
    ``"squashed"``: the whole picture, squashed to a square; needs the image.
    ``"box"``: the ground-truth box, squashed to a square; also takes samples without image. The box is truncated to
    whole pixels as in Huang et al. (ICCV 2023): x1 = int(x), x2 = x1 + int(width), at least one pixel. Where it leaves
    the picture, the picture's edge repeats.

    Raises:
        UserError: no such view.
    """
    if name not in _VIEWS:
        raise unknown("view", name, _VIEWS)
    return _VIEWS[name](image_size)


@dataclass(frozen=True)
class Full:
    """Shorter side to ``image_size``, centre square."""

    image_size: int

    def __call__(self, sample: Sample) -> Sample:
        sample = shorter_side(sample, self.image_size)
        height, width = sample.image.shape[-2:]
        return cut(sample, round((width - self.image_size) / 2), round((height - self.image_size) / 2), self.image_size)


@dataclass(frozen=True)
class Squashed:
    """The whole picture, squashed."""

    image_size: int

    def __call__(self, sample: Sample) -> Sample:
        height, width = picture_size(sample)
        return resample(sample, (0, 0, width, height), self.image_size, self.image_size)


@dataclass(frozen=True)
class Box:
    """The ground-truth box, squashed."""

    image_size: int

    def __call__(self, sample: Sample) -> Sample:
        return resample(sample, crop_window(sample.box), self.image_size, self.image_size)


_VIEWS = {"full": Full, "squashed": Squashed, "box": Box}


def crop_window(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """(x, y, width, height) truncated to whole pixels: (x1, y1, x2, y2), at least one pixel each way."""
    x, y, width, height = map(int, box)
    return x, y, x + max(width, 1), y + max(height, 1)


def shorter_side(sample: Sample, size: int) -> Sample:
    """The picture with its shorter side at ``size``, the longer in proportion (rounded down, as torchvision does).

    Raises:
        ValueError: a sample without image.
    """
    height, width = picture_size(sample)
    short = min(height, width)
    return resample(sample, (0, 0, width, height), size * width // short, size * height // short)


def picture_size(sample: Sample) -> tuple[int, int]:
    """(H, W) of the picture.

    Raises:
        ValueError: a sample without image.
    """
    if sample.image is None:
        raise ValueError("a view of the whole picture needs the image: its size is not among the annotations")
    return tuple(sample.image.shape[-2:])


def cut(sample: Sample, left: int, top: int, size: int) -> Sample:
    """A square window of whole pixels, not resized."""
    return resample(sample, (left, top, left + size, top + size), size, size)
