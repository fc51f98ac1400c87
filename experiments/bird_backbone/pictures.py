"""Pictures that the backbone may be shown: the generator's training stock, kept on disk, cropped at random.

Classes come from the training stock of trait combinations, which no evaluation set can contain, and pictures are named
after that stock: no class, no combination and no picture is shared with any ``synthetic_birds`` that users load.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, one_hot
from tqdm import tqdm

from partbench.datasets.birds.parts import PARTS
from partbench.datasets.birds.traits import TRAITS
from partbench.datasets.cards.synthetic_birds import SyntheticBirdsSettings
from partbench.datasets.synthetic_birds import Flock

SIZE, PATCH = 96, 8


@dataclass(frozen=True)
class Pictures:
    """uint8 arrays: images [N, S, S, 3], part numbers [N, S, S] (P where no part is), boxes [N, 4], traits [N, T]."""

    images: np.ndarray
    parts: np.ndarray
    boxes: np.ndarray
    traits: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def crops(self, rows: np.ndarray, draws: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Random windows, half of them around the bird.

        Returns:
            Images [B, 3, 96, 96] in -1 .. 1, and the share of each part in each patch [B, P+1, 12, 12].
        """
        theta = torch.from_numpy(np.stack([self._window(row, draws) for row in rows])).float()
        images = torch.from_numpy(self.images[rows]).permute(0, 3, 1, 2).float() / 127.5 - 1
        parts = torch.from_numpy(self.parts[rows])[:, None].float()
        grid = affine_grid(theta, [len(rows), 3, SIZE, SIZE], align_corners=False)
        images = grid_sample(images, grid, padding_mode="border", align_corners=False)
        parts = grid_sample(parts, grid, "nearest", padding_mode="border", align_corners=False)[:, 0].long()
        cells = one_hot(parts, len(PARTS) + 1).unflatten(1, (-1, PATCH)).unflatten(3, (-1, PATCH))
        return images, cells.float().mean((2, 4)).permute(0, 3, 1, 2)

    def _window(self, row: int, draws: np.random.Generator) -> np.ndarray:
        """A window as the affine map of the unit square -1 .. 1: the whole picture, or about the bird's box."""
        side = self.images.shape[1]
        if draws.random() < 0.5:
            x, y, width, height = self.boxes[row]
            grow = draws.uniform(0.85, 1.25, 2)
            scale = np.array([width, height]) / side * grow
            centre = np.array([2 * x + width, 2 * y + height]) / side - 1 + draws.uniform(-0.1, 0.1, 2) * scale
        else:
            scale = draws.uniform(0.6, 1.1) * draws.uniform(0.85, 1.18, 2)
            centre = draws.uniform(-1, 1, 2) * np.abs(1 - scale)
        return np.array([[scale[0], 0, centre[0]], [0, scale[1], centre[1]]])


def pictures(folder: Path, seed: int, classes: int, each: int, size: int = 128) -> Pictures:
    """The pictures of ``classes`` x ``each``, drawn at the first call and read from ``folder`` afterwards."""
    file = folder / f"birds_{seed}_{classes}_{each}_{size}.npz"
    if not file.exists():
        _draw(file, SyntheticBirdsSettings(classes=classes, train_images=each, test_images=1, size=size, seed=seed))
    return Pictures(**np.load(file))


def _draw(file: Path, settings: SyntheticBirdsSettings) -> None:
    flock = Flock(settings, stock="training")
    names = list(TRAITS)
    images, parts, boxes, traits = [], [], [], []
    for label in tqdm(range(settings.classes), "draw birds"):
        values = [TRAITS[name].index(flock.traits[label][name]) for name in names]
        for number in range(settings.train_images):
            drawing = flock.draw(label * flock.per_class + number)
            images.append(drawing.image)
            number_of = np.where(drawing.part_masks.any(0), drawing.part_masks.argmax(0), len(PARTS))
            parts.append(number_of.astype(np.uint8))
            boxes.append(drawing.box)
            traits.append(values)
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file.with_suffix(".part"), "wb") as handle:
        np.savez(handle, images=np.stack(images), parts=np.stack(parts), boxes=np.array(boxes), traits=np.array(traits))
    file.with_suffix(".part").rename(file)
