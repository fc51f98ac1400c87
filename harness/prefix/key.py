"""What the numbers of a stored view depend on: runs that agree in it share the store."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch

from ...datasets.augment import VERSION as AUGMENTATION_VERSION
from ..spec import RunSpec, canonical

_VERSION = 2  # raised when a view is drawn, computed or laid out otherwise, be it in the last bits


@dataclass(frozen=True)
class PrefixKey:
    """Neither method nor seed: a view shows an image the same way to all of them.

    Attributes:
        images: digest of the ids of all images, in the order of their places in a view.
        augmentation: by its name; of pictures as they are scored ``plain`` and the name of what they show.
        blocks: of the backbone, that images went through.
        warped: with a warped copy of every image.
        shape: of a view: images, 1 or 2, tokens, channels.
        threads, device, torch: on which the last bits depend.
        kind: of the stored numbers, as numpy names it.
        at_once: images computed at once, where the last bits matter, which depend on it; else 0.
    """

    backbone: str
    weights: str
    dataset_fingerprint: str
    images: str
    image_size: int
    augmentation: str
    blocks: int
    warped: bool
    precision: str
    shape: tuple[int, int, int, int]
    threads: int
    device: str
    torch: str
    kind: str = "float16"
    at_once: int = 0

    @classmethod
    def of(cls, spec: RunSpec, ids: Sequence[str], augmentation: str, blocks: int, warped: bool,
           tokens: tuple[int, int], device: torch.device) -> Self:
        """The key of a run's views.

        Args:
            ids: of all images.
            tokens: number and channels of an image's tokens.
        """
        # Processors with other instructions add in another order.
        place = torch.cuda.get_device_name(device) if device.type == "cuda" else (
            f"{device.type} {torch.backends.cpu.get_cpu_capability()}")
        return cls(
            backbone=spec.backbone, weights=spec.weights, dataset_fingerprint=spec.dataset_fingerprint,
            images=hashlib.sha256("\n".join(ids).encode()).hexdigest(), image_size=spec.image_size,
            augmentation=augmentation, blocks=blocks, warped=warped, precision=spec.precision,
            shape=(len(ids), 1 + warped, *tokens), threads=spec.threads, device=place, torch=torch.__version__)

    def content(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {"shape": list(self.shape), "version": _VERSION,
                               "augmentation_version": AUGMENTATION_VERSION}

    @property
    def digest(self) -> str:
        """Name of the folder of these views."""
        return hashlib.sha256(canonical(self.content()).encode()).hexdigest()[:20]
