"""Made-up evidence of every kind that metrics take: what a metric is put through its contract with."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

_IMAGES, _CONCEPTS, _PARTS, _DRAWS = 24, 3, 5, 2
_LABELS = (0, 1, 4, 9, 9, 30)  # neither dense nor equally frequent; one more class has a single image
_LONE_LABEL = 77
_CANVAS = 224


@dataclass(frozen=True)
class Evidence:
    """What ``update`` takes of some images.

    Attributes:
        values: tensors by the names of the arguments, in their order; None where an argument is left out.
    """

    values: Mapping[str, Tensor | None]

    def __len__(self) -> int:
        return len(self.values["labels"])

    def __iter__(self) -> Iterator[Tensor | None]:
        return iter(self.values.values())

    def take(self, images: Tensor) -> "Evidence":
        """The images long [M], in that order."""
        def chosen(name: str, value: Tensor) -> Tensor:
            return value[:, images] if name == "perturbed_peaks" else value[images]  # there the draws come first

        return Evidence({name: None if value is None else chosen(name, value) for name, value in self.values.items()})

    def batches(self, size: int) -> list["Evidence"]:
        """The images in batches, in order."""
        return [self.take(images) for images in torch.arange(len(self)).split(size)]

    def convert(self, dtype: torch.dtype) -> "Evidence":
        """A copy with every floating point tensor in ``dtype``."""
        return Evidence({name: value if value is None else value.to(dtype, copy=True) if value.is_floating_point()
                         else value.clone() for name, value in self.values.items()})


def draw_evidence(needs: str, seed: int) -> Evidence:
    """Evidence for metrics whose card says they need it.

    It is harmless enough to have a score, and holds what real evidence holds: a class with one image, an image without
    a visible part, keypoints off the canvas, not a number where nothing is visible, maps without a peak, ties.

    Args:
        needs: see :class:`MetricCard`.
        seed: of everything that is drawn.

    Returns:
        The arguments of ``update``, floating point in float32.
    """
    scene = _Scene(torch.Generator().manual_seed(seed))
    return Evidence(_KINDS[needs](scene))


class _Scene:
    """Draws tensors [N, ...] that fit together."""

    def __init__(self, generator: torch.Generator):
        self.generator = generator
        known = torch.tensor(_LABELS)
        self.labels = known[self.integers(len(known), _IMAGES)]
        self.labels[:3] = torch.tensor([_LONE_LABEL, known[0], known[0]])
        self.visible = self.uniform(_IMAGES, _PARTS) < 0.7
        self.visible[1] = False
        self.visible[2:10] = True
        self.keypoints = self.uniform(_IMAGES, _PARTS, 2) * 280 - 28
        self.keypoints[:, 0] = 100 + self.keypoints[:, 0] / 10  # a part that hardly moves
        self.keypoints[~self.visible] = torch.nan

    def integers(self, high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, generator=self.generator)

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator)

    def normal(self, *shape: int) -> Tensor:
        """Rounded, so that values tie."""
        return torch.randn(shape, generator=self.generator).mul(4).round() / 4

    def peaks(self) -> Tensor:
        """Concept k near part k or far from all; some without a peak."""
        near = self.keypoints[:, :_CONCEPTS].nan_to_num(nan=5.0).long() + self.integers(80, _IMAGES, _CONCEPTS, 2) - 40
        near[self.uniform(_IMAGES, _CONCEPTS) < 0.1] = -1
        near[3, 0] = self.keypoints[3, 0].long()
        return near.clamp(-1, _CANVAS - 1).where((near >= 0).all(-1, keepdim=True), -1)

    def annotated(self) -> dict[str, Tensor]:
        shared = torch.arange(_CONCEPTS).repeat(_IMAGES, 1)
        own = self.labels[:, None] * _CONCEPTS + shared
        return {"keypoints": self.keypoints, "visible": self.visible, "labels": self.labels,
                "part_ids": own if self.uniform(1) < 0.5 else shared}


def _logits(scene: _Scene) -> dict[str, Tensor]:
    logits = scene.normal(_IMAGES, _LONE_LABEL + 1)
    logits[torch.arange(_IMAGES), scene.labels] += 2
    return {"logits": logits, "labels": scene.labels}


def _peaks(scene: _Scene) -> dict[str, Tensor]:
    return {"peaks": scene.peaks(), **scene.annotated()}


def _noisy_peaks(scene: _Scene) -> dict[str, Tensor]:
    peaks = scene.peaks()
    moved = (peaks + scene.integers(21, _DRAWS, _IMAGES, _CONCEPTS, 2) - 10).clamp(0, _CANVAS - 1)
    return {"peaks": peaks, "perturbed_peaks": moved, **scene.annotated()}


def _strengths(scene: _Scene) -> dict[str, Tensor]:
    return {"peaks": scene.peaks(), "strengths": scene.normal(_IMAGES, _CONCEPTS), **scene.annotated()}


def _cover(scene: _Scene) -> dict[str, Tensor]:
    cover = scene.uniform(_IMAGES)
    cover[1] = torch.nan  # no object on it
    return {"cover": cover, "labels": scene.labels}


def _assignment(scene: _Scene) -> dict[str, Tensor | None]:
    found = (torch.arange(_PARTS) + scene.integers(2, _IMAGES, _PARTS)) % (_CONCEPTS + 1)
    found = found.where(scene.visible, -1)
    if scene.uniform(1) < 0.5:
        return {"assignment": found, "labels": scene.labels, "true": None}
    return {"assignment": found, "labels": scene.labels, "true": scene.integers(_PARTS + 1, _IMAGES, _PARTS) - 1}


def _overlap(scene: _Scene) -> dict[str, Tensor]:
    return {"overlap": scene.integers(100, _IMAGES, 4), "labels": scene.labels}


def _centroids(scene: _Scene) -> dict[str, Tensor]:
    centroids = scene.keypoints[:, :_CONCEPTS].nan_to_num(nan=50.0) + 10 * scene.normal(_IMAGES, _CONCEPTS, 2)
    boxes = torch.cat([scene.uniform(_IMAGES, 2) * 20, 150 + scene.uniform(_IMAGES, 2) * 50], 1)
    return {"centroids": centroids, "active": scene.uniform(_IMAGES, _CONCEPTS) < 0.8, "keypoints": scene.keypoints,
            "visible": scene.visible, "boxes": boxes, "labels": scene.labels, "fit": torch.arange(_IMAGES) % 2 == 0}


def _curve(scene: _Scene) -> dict[str, Tensor]:
    return {"curve": 0.01 + 0.99 * scene.uniform(_IMAGES, 11), "labels": scene.labels}


def _removal(scene: _Scene) -> dict[str, Tensor]:
    held = scene.normal(_IMAGES, _PARTS)
    drop = held + scene.normal(_IMAGES, _PARTS)
    drop[~scene.visible] = torch.nan
    return {"evidence": held, "score_drop": drop, "valid": scene.visible, "labels": scene.labels}


def _planted(scene: _Scene) -> dict[str, Tensor]:
    counted = scene.uniform(_IMAGES) < 0.8
    return {"share": scene.uniform(_IMAGES).where(counted, torch.nan), "counted": counted, "labels": scene.labels}


def _background(scene: _Scene) -> dict[str, Tensor]:
    return {"distance": scene.uniform(_IMAGES, _DRAWS), "labels": scene.labels}


_KINDS: dict[str, Callable[[_Scene], dict[str, Tensor | None]]] = {
    "logits": _logits, "peaks": _peaks, "noisy_peaks": _noisy_peaks, "strengths": _strengths, "cover": _cover,
    "assignment": _assignment, "overlap": _overlap, "centroids": _centroids, "deletion": _curve, "insertion": _curve,
    "occlusion": _removal, "removal": _removal, "planted": _planted, "background": _background,
}
