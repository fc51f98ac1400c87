"""The data sets there are, and how one is loaded. Needs no torch."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from ..cards import Card, Registry, locate
from ..errors import UserError, unknown

if TYPE_CHECKING:
    from .base import PartDataset


@dataclass(frozen=True, kw_only=True)
class DatasetCard(Card):
    """A data set's card. ``implementation`` names a function ``(root, settings) -> PartDataset``.

    Attributes:
        layout: one line: what the folder holds.
        default_backbone: timm name that a run takes when the user names none.
        fingerprint: ``"module:function"``, ``(root, settings) -> str``; part of a run's identity.
        redistributable: pictures may be copied into a published report.
    """

    layout: str
    default_backbone: str
    fingerprint: str
    redistributable: bool = False

    def resolve(self, options: Mapping[str, Any] | None = None) -> BaseModel:
        """The data set's settings with the user's options on top.

        Raises:
            UserError: unknown option (with the nearest name), or a value out of bounds.
        """
        options = options or {}
        for name in options:
            if name not in self.settings.model_fields:
                raise unknown(f"option of {self.name}", name, self.settings.model_fields)
        try:
            return self.settings(**options)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, (self.name, *first["loc"])))
            raise UserError(f"{where}={first['input']!r}: {first['msg']}; see: harness show {self.name}") from None

    def fingerprint_of(self, root: Path | str | None = None, **options: Any) -> str:
        """Digest of the data under ``root``; reads annotations and file sizes, never pixels.

        Raises:
            UserError: the folder does not hold the data set as ``layout`` says.
        """
        return locate(self.fingerprint)(Path(root or default_root(self.name)), self.resolve(options))


CUB = DatasetCard(
    name="cub",
    title="CUB-200-2011",
    implementation="partbench.datasets.cub:read",
    fingerprint="partbench.datasets.cub:fingerprint",
    layout="images/, images.txt, image_class_labels.txt, train_test_split.txt, bounding_boxes.txt, classes.txt, "
           "parts/parts.txt, parts/part_locs.txt, and segmentations/ where it is wanted",
    default_backbone="vit_base_patch14_reg4_dinov2",
    paper="""@techreport{wah2011cub,
  title={The Caltech-UCSD Birds-200-2011 Dataset},
  author={Wah, Catherine and Branson, Steve and Welinder, Peter and Perona, Pietro and Belongie, Serge},
  institution={California Institute of Technology}, year={2011}, number={CNS-TR-2011-001}}""",
)

registry: Registry[DatasetCard] = Registry("dataset", lambda: [CUB], "partbench.datasets")


def default_root(name: str) -> Path:
    """Where data set ``name`` is when the user does not say: ``$PARTBENCH_DATA/<name>``, else ``./data/<name>``."""
    return Path(os.environ.get("PARTBENCH_DATA") or "data") / name


def load(name: str, root: Path | str | None = None, **options: Any) -> "PartDataset":
    """Read the annotations of a data set: ``load("cub", root="CUB_200_2011")``. No picture is opened yet.

    Raises:
        UserError: unknown data set or option, or a folder that does not hold the data set as its card says.
    """
    card = registry.get(name)
    settings = card.resolve(options)
    return card.load()(Path(root or default_root(name)), settings)
