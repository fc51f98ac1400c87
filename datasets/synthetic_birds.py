"""Drawn birds whose truth is known: which parts there are, where, and which of them tell two classes apart.

CUB's fifteen parts in CUB's order, so that every protocol for CUB applies. A class is a combination of planted traits;
a picture can be drawn again without a part, with another class's part, or before another background. Version, seed,
class and number fix a picture on every machine and in any order. Planning and annotations need no torch.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from ..errors import UserError, unknown
from .base import Annotations, PartDataset, Sample
from .birds.parts import PARTS
from .birds.render import VISIBLE, Change, Drawing, render
from .birds.traits import Stock, class_name, classes, differing
from .cards.synthetic_birds import CARD, SyntheticBirdsSettings

_KEPT = 256 * 2**20  # bytes of pictures kept after they were drawn


class Flock:
    """Every picture of one data set, drawn when it is asked for.

    Row ``i`` is picture ``i`` modulo the images of a class: training images first, then test images.
    """

    def __init__(self, settings: SyntheticBirdsSettings, stock: Stock = "evaluation"):
        self.settings, self.stock = settings, stock
        self.traits = classes(settings.classes, settings.seed, stock)
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_kept": OrderedDict()}  # a worker draws its own

    def __len__(self) -> int:
        return self.settings.classes * self.per_class

    @property
    def per_class(self) -> int:
        return self.settings.train_images + self.settings.test_images

    def draw(self, row: int, change: Change | None = None) -> Drawing:
        """The picture of a row with all that is known of it, or a changed one."""
        label, number = divmod(row, self.per_class)
        split, number = ("train", number) if number < self.settings.train_images else (
            "test", number - self.settings.train_images)
        name = (CARD.version, self.stock, self.settings.seed, label, split, number)
        return render(name, self.traits[label], self.settings.size, change)

    def keep(self, row: int) -> Drawing:
        """Draw a row and remember its picture."""
        drawing = self.draw(row)
        self._kept[row] = drawing.image
        if len(self._kept) * drawing.image.nbytes > _KEPT:
            self._kept.popitem(last=False)
        return drawing

    def image(self, row: int) -> np.ndarray:
        """uint8 [S, S, 3]."""
        kept = self._kept.get(row)
        return (self.keep(row).image if kept is None else kept).copy()

    def masks(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Part masks bool [P, S, S] and object mask bool [S, S]."""
        drawing = self.draw(row)
        return drawing.part_masks, drawing.object_mask


class SyntheticBirds(PartDataset):
    """The drawn birds, with their truth.

    Attributes:
        visibility: int8 [N, P] of every image in row order: 2 visible, 1 occluded, 0 out of the frame;
            ``Sample.visible`` is ``visibility == 2``.
        traits: planted traits by class.
    """

    def __init__(self, settings: SyntheticBirdsSettings, stock: Stock = "evaluation"):
        self._flock = Flock(settings, stock)
        self.traits = self._flock.traits
        drawn = [self._flock.keep(row) for row in range(len(self._flock))]
        self.visibility = np.stack([drawing.visibility for drawing in drawn])
        rows = np.arange(len(drawn))
        annotations = Annotations(
            ids=[str(row + 1) for row in rows], images=[f"bird {row + 1}" for row in rows],
            labels=rows // self._flock.per_class,
            boxes=np.array([drawing.box for drawing in drawn]),
            keypoints=np.stack([drawing.keypoints for drawing in drawn]), visible=self.visibility == VISIBLE,
            train=rows % self._flock.per_class < settings.train_images,
            read_image=self._flock.image, read_masks=self._flock.masks)
        names = [class_name(label, traits) for label, traits in enumerate(self.traits)]
        super().__init__(CARD.name, names, list(PARTS), annotations, fingerprint(None, settings, stock),
                         CARD.redistributable)

    @property
    def planted(self) -> bool:
        return True

    def telling_parts(self, label: int, other: int) -> list[str]:
        """Names of the parts that tell two classes apart; none for a class and itself."""
        return differing(self.traits[label], self.traits[other])

    def intervene(self, i: int, *, split: str = "test", remove: Sequence[str] = (),
                  swap: Mapping[str, int] | None = None, background: int | None = None) -> Sample:
        """Sample ``i`` of ``split`` drawn again with one thing changed; see :meth:`PartDataset.intervene`.

        Box, keypoints and visibility are those of the picture itself; the masks are the changed picture's.

        Raises:
            UserError: no such part or class.
        """
        sample = self[split].annotation(i)
        names = [remove] if isinstance(remove, str) else list(remove)
        for part in (*names, *(swap or {})):
            if part not in PARTS:
                raise unknown("part", part, PARTS)
        for label in (swap or {}).values():
            if not 0 <= label < len(self.traits):
                raise UserError(f"class {label} is not among the {len(self.traits)}; give a label from 0")
        change = Change(frozenset(names), {part: self.traits[label] for part, label in (swap or {}).items()},
                        background or 0)
        drawing = self._flock.draw(int(sample.id) - 1, change)
        return _filled(sample, drawing)


def _filled(sample: Sample, drawing: Drawing) -> Sample:
    import torch

    return replace(sample, image=torch.from_numpy(drawing.image).permute(2, 0, 1).contiguous(),
                   part_masks=torch.from_numpy(drawing.part_masks), object_mask=torch.from_numpy(drawing.object_mask))


def read(root: Path | None, settings: SyntheticBirdsSettings, stock: Stock = "evaluation") -> SyntheticBirds:
    """Draw the annotations; ``root`` is not used. ``stock="training"`` gives the classes a backbone may be shown."""
    return SyntheticBirds(settings, stock)


def fingerprint(root: Path | None, settings: SyntheticBirdsSettings, stock: Stock = "evaluation") -> str:
    """Digest of version, settings and stock: nothing else has a part in the pictures."""
    return sha256(f"{CARD.name} {CARD.version} {stock} {settings.model_dump_json()}".encode()).hexdigest()
