"""Part masks become keypoints, are remembered on disk, and COCO's shapes become masks."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.datasets.formats.coco_masks import mask_of, shapes_of
from partbench.datasets.formats.part_masks import keypoints_of
from partbench.datasets.remembered import key_of, remembered
from partbench.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def masks(*rows):
    """Part masks of one picture from rows of digits: digit k is part k - 1."""
    values = np.array([[int(digit) for digit in row] for row in rows])
    return values == np.arange(1, 4)[:, None, None]


def test_a_keypoint_is_the_centroid_of_the_visible_part_and_the_box_is_around_all_parts():
    picture = masks("000000", "011100", "011102", "000000")
    keypoints, visible, boxes = keypoints_of(lambda row: (picture, None), 1, 3, None)
    assert keypoints[0].tolist() == [[2.5, 2.0], [5.5, 2.5], [0, 0]]
    assert visible.tolist() == [[True, True, False]]
    assert boxes.tolist() == [[1, 1, 5, 2]]
    assert (keypoints.dtype, boxes.dtype) == (np.float32, np.float64)


def test_a_centroid_outside_a_curved_part_moves_to_the_nearest_pixel_of_the_part():
    picture = masks("1111111", "1000000", "1000000", "1111111")
    keypoints, _, _ = keypoints_of(lambda row: (picture, None), 1, 3, None)
    x, y = keypoints[0, 0].astype(int)
    assert picture[0, y, x]
    assert keypoints[0, 0].tolist() == [3.5, 0.5]


def test_nothing_visible_gives_no_keypoint_and_a_box_of_nan():
    rows = [(masks("000"), None), (None, np.ones((1, 3), bool))]
    keypoints, visible, boxes = keypoints_of(lambda row: rows[row], 2, 3, None)
    assert not visible.any()
    assert np.isnan(boxes).all()
    assert keypoints.shape == (2, 3, 2)
    assert keypoints_of(lambda row: rows[row], 0, 3, None)[2].shape == (0, 4)


def test_keypoints_are_computed_once_for_a_key():
    read = []
    picture = masks("0110")
    for _ in range(2):
        keypoints, visible, _ = keypoints_of(lambda row: (read.append(row) or picture, None), 2, 3, "some key")
        assert keypoints[1, 0].tolist() == [2, 0.5]
        assert visible[:, 0].all()
    assert read == [0, 1]


def test_a_key_changes_with_a_files_size_or_time_and_with_the_settings(tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(b"123")
    keys = {key_of("k", [file]), key_of("k", [file], 224)}
    file.write_bytes(b"1234")
    keys.add(key_of("k", [file]))
    os.utime(file, ns=(1, 1))
    keys |= {key_of("k", [file]), key_of("k", [file])}
    assert len(keys) == 4
    with pytest.raises(UserError, match=r"b\.png cannot be read"):
        key_of("k", [tmp_path / "b.png"])


DAMAGE = {
    "cut": lambda content: content[:-30],
    "a flipped byte": lambda content: content[:90] + bytes([content[90] ^ 255]) + content[91:],
    "a web page": lambda content: b"<html>",
    "nothing": lambda content: b"",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_computed_again_and_mended(damage, cache):
    def values(number):
        return lambda: {"a": np.arange(1000) * number}

    remembered("key", values(1))
    assert remembered("key", values(2))["a"][1] == 1
    (file,) = (cache / "annotations").iterdir()
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    assert remembered("key", values(3))["a"][1] == 3
    assert remembered("key", values(4))["a"][1] == 3


def test_a_cache_that_cannot_be_written_costs_only_time(cache, caplog):
    cache.write_text("a file where the folder should be")
    for number in (1, 2):
        assert remembered("key", lambda n=number: {"a": np.array(n)})["a"] == number
    assert "not kept" in caplog.text


def brute_force(corners, height, width):
    """Even-odd rule, pixel by pixel: how many edges lie to the left of the centre."""
    mask = np.zeros((height, width), bool)
    for row, column in np.ndindex(height, width):
        x, y = column + 0.5, row + 0.5
        for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, 0), strict=True):
            if min(y1, y2) <= y < max(y1, y2):
                mask[row, column] ^= x1 + (y - y1) * (x2 - x1) / (y2 - y1) <= x
    return mask


# Quarters are exact in float32, and far from ties that rounding could decide.
corner = st.tuples(*[st.integers(-12, 60).map(lambda v: v / 4 + 0.0625)] * 2)


@settings(max_examples=80, deadline=None)
@given(st.lists(corner, min_size=3, max_size=7).filter(
    lambda c: all(max(p[a] for p in c) >= 0 and min(p[a] for p in c) <= 9 for a in (0, 1))))
def test_a_polygon_holds_the_pixels_whose_centres_it_holds(corners):
    (shape,) = shapes_of([[float(v) for point in corners for v in point]], None, 9, 11, "x")
    assert (mask_of([shape], 9, 11) == brute_force(np.array(corners), 9, 11)).all()


def test_two_polygons_of_one_annotation_are_united_and_four_numbers_stand_for_the_box():
    shapes = shapes_of([[0, 0, 2, 0, 2, 2, 0, 2], [9, 9, 9, 9]], [1, 1, 3, 2], 4, 5, "x")
    assert mask_of(shapes, 4, 5).astype(int).tolist() == [[1, 1, 0, 0, 0], [1, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0] * 5]


def compressed(counts):
    """COCO's text for run lengths, as its authors' ``rleToString`` writes it."""
    text = ""
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i > 2 else count
        while True:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr((bits | 32 * more) + 48)
            if not more:
                break
    return text


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 80), st.integers(0, 2**32))
def test_run_lengths_plain_and_compressed_give_the_mask_back(height, width, seed):
    mask = np.random.default_rng(seed).random((height, width)) < 0.2
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat.astype(int)])))
    counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    for form in (counts, compressed(counts)):
        shapes = shapes_of({"counts": form, "size": [height, width]}, None, height, width, "x")
        assert (mask_of(shapes, height, width) == mask).all()


SQUARE = [1, 1, 3, 1, 3, 3, 1, 3]
BAD = {
    "two corners": ([SQUARE[:2]], "a polygon of 2 numbers"),
    "an odd number": ([SQUARE[:7]], "a polygon of 7 numbers"),
    "no polygon": ([], "holds no polygon"),
    "nothing": (None, "holds no polygon"),
    "words": ([["a"] * 6], "no list of numbers"),
    "booleans": ([[True] * 6], "no list of numbers"),
    "infinity": ([[*SQUARE[:7], float("inf")]], "not finite"),
    "not a number": ([[*SQUARE[:7], float("nan")]], "not finite"),
    "far away": ([[v + 50 for v in SQUARE]], "outside the picture of 6x5"),
    "runs of another size": ({"counts": [30], "size": [6, 5]}, "run lengths for size"),
    "runs too short": ({"counts": [3, 4], "size": [5, 6]}, "add up to 7 of 30"),
    "negative runs": ({"counts": [40, -10], "size": [5, 6]}, "no run lengths"),
    "runs cut short": ({"counts": "o", "size": [5, 6]}, "no run lengths"),
    "runs of nonsense": ({"counts": "\n" * 5, "size": [5, 6]}, "no run lengths"),
    "no runs": ({"size": [5, 6]}, "no run lengths"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_broken_shape_is_refused_by_name(bad):
    segmentation, message = BAD[bad]
    with pytest.raises(UserError, match=f"a.json annotations.7.: .*{message}"):
        shapes_of(segmentation, None, 5, 6, "a.json annotations[7]")
