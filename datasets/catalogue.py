"""The data sets there are, and how one is loaded. Needs no torch."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cards import Registry
from .cards.base import DatasetCard

if TYPE_CHECKING:
    from .base import PartDataset

_SHIPPED = ("cub", "birds525", "flowers102", "food101", "funnybirds", "gleason2019", "image_folder", "nabirds",
            "oxford_pets", "part_imagenet", "pascal_part", "stanford_cars", "stanford_dogs", "synthetic_birds")


def _shipped() -> list[DatasetCard]:
    return [import_module(f".cards.{name}", __package__).CARD for name in _SHIPPED]


registry: Registry[DatasetCard] = Registry("dataset", _shipped, "partbench.datasets")


def load(name: str, root: Path | str | None = None, **options: Any) -> "PartDataset":
    """Read the annotations of a data set: ``load("cub", root="CUB_200_2011")``. No picture is opened yet.

    Raises:
        UserError: unknown data set or option, or a folder that does not hold the data set as its card says.
    """
    card = registry.get(name)
    settings = card.resolve(options)
    return card.load()(card.folder(root), settings)
