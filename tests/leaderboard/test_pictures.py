"""Pictures of explanations show the place that they say."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from partbench.leaderboard.pictures import closeup, scaled, spotlight


def decoded(jpeg):
    return np.asarray(Image.open(BytesIO(jpeg)).convert("L")).astype(int)


@pytest.mark.parametrize("cell", [(0, 0), (0, 6), (3, 3), (6, 1), (6, 6)])
@pytest.mark.parametrize("size", [7, 96, 224])
def test_a_closeup_shows_its_cell_wherever_that_is(cell, size):
    row, col = cell
    image = np.zeros((3, size, size), np.uint8)
    step = size // 7
    image[:, row * step:(row + 1) * step, col * step:(col + 1) * step] = 255
    shown = decoded(closeup(image, cell, (7, 7), 84))
    assert shown.shape == (84, 168)
    near = shown[:, :84]
    assert near.max() > 200
    assert 0.05 < (near > 128).mean() < 0.4  # a third of the window each way, or more at the border


def test_a_closeup_of_the_only_cell_is_the_whole_picture():
    assert decoded(closeup(np.full((3, 5, 5), 255, np.uint8), (0, 0), (1, 1), 20))[:, :20].min() > 200


def test_a_spotlight_is_bright_where_the_map_is_and_a_flat_map_is_dark():
    image = np.full((3, 64, 64), 200, np.uint8)
    surface = np.zeros((4, 4), np.float32)
    surface[0, 3] = 1
    lit = decoded(spotlight(image, surface, 0, 1))
    assert lit[4, 60] > 150
    assert lit[60, 4] < 60
    assert decoded(spotlight(image, np.ones((4, 4), np.float32), 1, 1)).max() < 60


def test_a_photograph_is_scaled_both_ways():
    for size in (1, 30, 300):
        assert scaled(np.zeros((3, size, size), np.uint8), 64).shape == (3, 64, 64)
