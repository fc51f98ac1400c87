"""A data set written in CUB's layout and read back: the same tensors, splits and names."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from partbench import datasets
from partbench.datasets.base import Annotations, PartDataset
from partbench.datasets.cub_writer import write
from partbench.errors import UserError

PARTS = ["left eye", "tail", "crown"]
COUNT, HEIGHT, WIDTH = 24, 40, 48


@dataclass(frozen=True)
class Drawn:
    """Noise with two parts on it; the third is nowhere."""

    seed: int = 0
    overlap: bool = False

    def __call__(self, row):
        return np.random.default_rng((self.seed, row)).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)

    def masks(self, row):
        parts = np.zeros((len(PARTS), HEIGHT, WIDTH), bool)
        parts[0, :row + 1, :20] = True
        parts[1, :row + 1, 19 if self.overlap else 20:30] = True
        return parts, parts.any(0)


def drawn(masks=True, overlap=False, **changes):
    random = np.random.default_rng(3)
    drawing = Drawn(overlap=overlap)
    arrays = {
        "ids": [str(row + 1) for row in range(COUNT)], "images": [f"row {row}" for row in range(COUNT)],
        "labels": np.arange(COUNT) // 8, "boxes": random.uniform(1, 19, (COUNT, 4)),
        "keypoints": random.uniform(0, 40, (COUNT, len(PARTS), 2)).astype(np.float32),
        "visible": random.random((COUNT, len(PARTS))) > 0.3, "train": np.arange(COUNT) % 8 < 5,
        "read_image": drawing, "read_masks": drawing.masks if masks else None} | changes
    return PartDataset("drawn", ["001.Blue_back", "red, with a crest", "Grün"], PARTS, Annotations(**arrays), "0" * 64)


@pytest.mark.parametrize("masks", [True, False])
def test_what_was_written_is_read_back_bit_for_bit(masks, tmp_path):
    before, told = drawn(masks), []
    write(before, tmp_path / "out", lambda *now: told.append(now))
    after = datasets.load("cub", root=tmp_path / "out")
    assert (after.classes, after.parts) == (before.classes, before.parts)
    assert told == [(done, COUNT) for done in range(1, COUNT + 1)]
    for split in ("train", "val", "test", "train+val"):
        assert after[split].ids == before[split].ids
        for i in range(len(before[split])):
            old, new = before[split][i], after[split][i]
            assert (new.id, new.label, new.box) == (old.id, old.label, old.box)
            for name in ("image", "keypoints", "visible", *(("part_masks", "object_mask") if masks else ())):
                assert torch.equal(getattr(new, name), getattr(old, name)), name
            assert (new.part_masks is None) == (not masks)


def test_folders_are_named_as_cub_names_them(tmp_path):
    write(drawn(), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/images").iterdir()) == [
        "001.Blue_back", "002.red_with_a_crest", "003.Gr_n"]
    assert (tmp_path / "out/parts/masks/001.Blue_back/1.png").exists()
    assert (tmp_path / "out/images.txt").read_text().startswith("1 001.Blue_back/1.png\n2 001.Blue_back/2.png\n")


@pytest.mark.parametrize(("changes", "message"), [
    ({"ids": [f"bird {row}" for row in range(COUNT)]}, "'bird 0' .* whole numbers"),
    ({"ids": [f"{row:03d}" for row in range(COUNT)]}, "whole numbers"),
    ({"overlap": True}, "image 1: parts overlap"),
    ({"keypoints": np.full((COUNT, 3, 2), np.nan, np.float32)}, "line 1: x is 'nan'"),
])
def test_what_the_layout_cannot_hold_is_refused_and_leaves_nothing(changes, message, tmp_path):
    with pytest.raises(UserError, match=message):
        write(drawn(**changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "note").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        write(drawn(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_a_try_that_was_stopped_does_not_stand_in_the_way(tmp_path):
    def stop(done, total):
        if done == 5:
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        write(drawn(), tmp_path / "out", stop)
    assert not (tmp_path / "out").exists()
    write(drawn(), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
