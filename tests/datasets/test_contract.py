"""The contract suite: what keeps it passes; what breaks one clause fails with the name of that clause."""

import os
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from partbench import datasets
from partbench.datasets import views
from partbench.datasets.base import Annotations, PartDataset, Sample, Split

ROWS, CLASSES, PARTS = 18, 3, ["red", "blue"]
HEIGHT, WIDTH, SIDE = 40, 48, 8
CORNERS = np.stack([np.arange(2 * ROWS).reshape(ROWS, 2) * 7 % (WIDTH - SIDE - 10),
                    np.tile([2, 22], (ROWS, 1)) + np.arange(ROWS)[:, None] % 9], -1)  # [row, part, (x, y)]


def masks(row):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    parts = np.stack([(x >= left) & (x < left + SIDE) & (y >= top) & (y < top + SIDE) for left, top in CORNERS[row]])
    return parts, parts.any(0)


def draw(row, remove=(), background=0):
    """A red and a blue square on noise."""
    image = np.random.default_rng(row + 1000 * background).integers(0, 99, (HEIGHT, WIDTH, 3), np.uint8)
    for part, mask in enumerate(masks(row)[0]):
        if PARTS[part] not in remove:
            image[mask] = (255, 0, 0) if part == 0 else (0, 0, 255)
    return image


class Planted(PartDataset):
    planted = True

    def intervene(self, i, *, split="test", remove=(), swap=None, background=0):
        sample = self[split][i]
        drawn = draw(int(sample.id), remove, background)
        return replace(sample, image=torch.from_numpy(drawn).permute(2, 0, 1).contiguous())


def toy(kind=Planted, more=None, classes=("a", "b", "c"), fingerprint="0" * 16, redistributable=True, **changes):
    """Eighteen drawn pictures, three classes, two parts; ``changes`` are to its annotations, ``more`` to itself."""
    known = Annotations(
        ids=[str(row) for row in range(ROWS)], images=[f"{row}.png" for row in range(ROWS)],
        labels=np.arange(ROWS) % CLASSES, boxes=np.tile([1.0, 1.0, 46.0, 38.0], (ROWS, 1)),
        keypoints=(CORNERS + SIDE / 2).astype(np.float32), visible=np.ones((ROWS, 2), bool),
        train=np.arange(ROWS) < 12, read_image=draw, read_masks=masks)
    data = kind("toy", list(classes), list(PARTS), replace(known, **changes), fingerprint, redistributable)
    if more:
        more(data)
    return data


class Photographs(PartDataset):
    """A data set that cannot be drawn again."""


class Floating(Split):
    def read(self, i, masks=True):
        sample = super().read(i, masks)
        return replace(sample, image=sample.image / 255)


class Shifted(Split):
    def annotation(self, i):
        return replace(super().annotation(i), keypoints=super().annotation(i).keypoints + 1)


def with_split(kind):
    def change(data):
        data._splits = {name: kind(split._annotations, split._rows) for name, split in data._splits.items()}
    return change


def shared(name, other):
    return lambda data: data._splits.update({name: data._splits[other]})


def noisy(row):
    return draw(row) | np.random.randint(0, 2, (HEIGHT, WIDTH, 3)).astype(np.uint8)


class Counting:
    """Draws by how often it was asked."""

    asked = 0

    def __call__(self, row):
        Counting.asked += 1
        return draw(row, background=Counting.asked)


@dataclass
class Hoarding:
    kept: list

    def __call__(self, row):
        self.kept.append(draw(row))
        return draw(row)


HANDLES = []


class Leaking:
    def __call__(self, row):
        HANDLES.append(open(__file__))
        return draw(row)


def no_red(row):
    parts, whole = masks(row)
    return parts & [[[False]], [[True]]], whole


def small_object(row):
    parts, _ = masks(row)
    return parts, parts[0]


class Elsewhere(Planted):
    def intervene(self, i, *, remove=(), **how):
        sample = super().intervene(i, remove=remove, **how)
        sample.image[:, :, -1] ^= bool(remove)
        return sample


class Idle(Planted):
    def intervene(self, i, *, remove=(), **how):
        return super().intervene(i, **how)


class Restless(Planted):
    def intervene(self, i, *, background=7, **how):
        return super().intervene(i, background=7, **how)


class Moving(Planted):
    def intervene(self, i, *, remove=(), **how):
        sample = super().intervene(i, remove=remove, **how)
        return replace(sample, keypoints=sample.keypoints + bool(remove))


OUTSIDE = np.full((ROWS, 2, 2), 60, np.float32)
BROKEN = {
    "redistributable is no bool": ({"redistributable": "yes"}, "declared: redistributable is 'yes'"),
    "fingerprint is no hex": ({"fingerprint": "version 1 of toy"}, "declared: fingerprint"),
    "a class name twice": ({"classes": "aab"}, "declared: a name stands twice among classes"),
    "test is train": ({"more": shared("test", "train")}, r"splits are disjoint: train and test share 9 ids"),
    "val is in test": ({"more": shared("val", "test")}, "splits are disjoint: val and test share"),
    "a picture in two splits": ({"images": ["same.png"] * ROWS, "read_image": None}, "disjoint: .* share 1 images"),
    "no test image": ({"train": np.ones(ROWS, bool)}, "splits are disjoint: test is empty"),
    "a class without image": ({"classes": "abcd"}, r"labels are dense: class \[3\] has no image in train"),
    "a label too high": ({"labels": np.arange(ROWS) % 4}, r"labels are dense: .* \[3\] outside 0 .. 2"),
    "keypoints in double": ({"keypoints": OUTSIDE.astype(float)}, "types: .*keypoints is torch.float64"),
    "a keypoint that is no number": ({"keypoints": OUTSIDE * np.nan}, "types: .*keypoints are not all finite"),
    "a box without width": ({"boxes": np.tile([1.0, 1, 0, 9], (ROWS, 1))}, "samples have their types: .*box is"),
    "floating pixels": ({"more": with_split(Floating)}, "samples have their types: .*image is torch.float32"),
    "annotations that differ": ({"more": with_split(Shifted)}, "an annotation is its sample without pixels: "),
    "a keypoint outside": ({"keypoints": OUTSIDE}, "keypoints are inside the picture: .* picture is 48x40"),
    "a visible part without mask": ({"read_masks": no_red}, r"masks agree .*shows \['red'\], but the mask is empty"),
    "a part beside its object": ({"read_masks": small_object}, "masks agree .*: part masks .* leave its object mask"),
    "random pixels": ({"read_image": noisy}, "reading is deterministic: "),
    "pixels by order": ({"read_image": Counting()}, "reading is deterministic: "),
    "not to be pickled": ({"read_image": lambda row: draw(row)}, "picklable, small and closed: .*[Pp]ickl"),
    "too much to pickle": ({"more": lambda data: setattr(data, "all", bytes(2**21))}, "small .* bytes when pickled"),
    "keeps what it reads": ({"read_image": Hoarding([])}, "small and closed: .*keeps what it read"),
    "leaves files open": ({"read_image": Leaking()}, "small and closed: files are left open"),
    "removes more than a part": ({"kind": Elsewhere}, r"changes one thing: train\[0\] without 'red' differs in 40"),
    "removes nothing": ({"kind": Idle}, "changes one thing: no part that was removed changed a pixel"),
    "another background unasked": ({"kind": Restless}, "changes one thing: .* without a change is another"),
    "moves keypoints": ({"kind": Moving}, "changes one thing: .* has other keypoints"),
    "planted without masks": ({"read_masks": None}, "changes one thing: .* has no part masks"),
}


@pytest.mark.parametrize("data", [toy(), toy(Photographs), toy(read_masks=None, kind=Photographs)])
def test_toys_that_keep_the_contract_pass(data):
    datasets.check_dataset(data)


def test_a_folder_of_photographs_passes(tiny_cub):
    datasets.check_dataset(datasets.load("cub", root=tiny_cub), image_size=48)


@pytest.mark.parametrize("broken", BROKEN)
def test_the_broken_clause_is_named_when_a_data_set_has(broken):
    changes, message = BROKEN[broken]
    with pytest.raises(AssertionError, match=message):
        datasets.check_dataset(toy(**changes), samples=3)


def test_a_picture_that_cannot_be_read_is_named(write_tiny_cub, tmp_path):
    root = write_tiny_cub(tmp_path)
    data = datasets.load("cub", root=root)
    os.truncate(data["train"].images[0], 100)
    with pytest.raises(AssertionError, match=r"samples have their types: UserError: image .*jpg: "):
        datasets.check_dataset(data)


def test_a_view_that_moves_pixels_and_leaves_keypoints_is_caught(tiny_cub, monkeypatch):
    def mirror(size):
        def apply(sample: Sample) -> Sample:
            seen = views.Full(size)(sample)
            return replace(seen, image=seen.image.flip(-1))
        return apply

    monkeypatch.setitem(views._VIEWS, "full", mirror)
    with pytest.raises(AssertionError, match=r"follow their pixels: .*train\[0\] under view full is .* off its dot"):
        datasets.check_dataset(datasets.load("cub", root=tiny_cub))
