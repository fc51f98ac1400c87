"""The contact sheet: what is annotated lies where it is."""

import numpy as np
import pytest
from PIL import Image

from partbench import datasets
from partbench.errors import UserError
from partbench.harness.sheet import write_sheet


def test_a_sheet_shows_each_picture_plain_and_annotated(tmp_path):
    birds = datasets.load("synthetic_birds", classes=3, train_images=4, test_images=2, size=160)
    write_sheet(birds, "test", tmp_path / "sheet.png", classes=2, each=2)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png")).astype(int)
    assert sheet.shape == (320, 640, 3)
    plain, annotated = sheet[:160, :160], sheet[:160, 160:320]
    sample = birds["test"][0]
    assert np.array_equal(plain, sample.image.permute(1, 2, 0).numpy())
    changed = (plain != annotated).any(-1)
    assert changed[sample.part_masks.any(0).numpy()].mean() > 0.95
    assert changed[~sample.object_mask.numpy()].mean() < 0.1  # box and rims of dots


def test_a_sheet_that_cannot_be_written_says_so(tiny_cub, tmp_path):
    cub = datasets.load("cub", root=tiny_cub)
    with pytest.raises(UserError, match="cannot write"):
        write_sheet(cub, "train", tmp_path / "missing" / "sheet.png", classes=1, each=1)
