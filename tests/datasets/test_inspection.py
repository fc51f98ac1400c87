"""Checking a data set on disk: one thing broken, one finding; several broken, all of them found."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from partbench import datasets
from partbench.datasets.inspection import inspect

CARD = replace(datasets.registry.get("cub"), counts={"classes": 3, "parts": 15, "train": 12, "test": 9})


@pytest.fixture(scope="module")
def masked(write_tiny_cub, tmp_path_factory):
    return write_tiny_cub(tmp_path_factory.mktemp("masked"), segmentations=True)


@pytest.fixture
def folder(masked, tmp_path):
    return shutil.copytree(masked, tmp_path / "cub")


def found(root, card=CARD):
    return [(finding.kind, finding.what) for finding in inspect(card, root)]


def picture(root, number=0):
    return sorted((root / "images").rglob("*.jpg"))[number]


def tear(root, number=0):
    path = picture(root, number)
    path.write_bytes(path.read_bytes()[:500])


def mask(root):
    return sorted((root / "segmentations").rglob("*.png"))[3]


def shrink_mask(root):
    Image.fromarray(np.zeros((10, 12), np.uint8)).save(mask(root))


def change(name, column, value, visible=True):
    """Write ``value`` into a column of the first row, of a visible part where there are parts."""
    def apply(root):
        rows = [line.split(" ") for line in (root / name).read_text().splitlines()]
        row = next(row for row in rows if not visible or row[-1] != "0")
        row[column] = value
        (root / name).write_text("".join(" ".join(row) + "\n" for row in rows))
    return apply


def without_an_image(root):
    """The first image of images.txt leaves every table: a subset."""
    number = (root / "images.txt").read_text().split(" ")[0]
    for name in ("images", "image_class_labels", "train_test_split", "bounding_boxes", "parts/part_locs"):
        path = root / f"{name}.txt"
        path.write_text("".join(row for row in path.read_text().splitlines(True) if row.split()[0] != number))


def test_nothing_is_wrong_with_a_whole_data_set(folder):
    told = []
    assert inspect(CARD, folder, progress=lambda *now: told.append(now)) == []
    assert told == [(done, 21) for done in range(1, 22)]


BROKEN = {
    "a torn picture": (tear, "picture", "damaged"),
    "a picture that is none": (lambda root: picture(root).write_text("hello"), "picture", "not a picture"),
    "a torn mask": (lambda root: mask(root).write_bytes(mask(root).read_bytes()[:60]), "mask", "damaged"),
    "a mask of another size": (shrink_mask, "mask", "is 96x80 pixels, its mask 12x10"),
    "a box beyond the right edge": (change("bounding_boxes.txt", 3, "500"), "box", "500, .* in a picture of 96x80"),
    "a box that begins outside": (change("bounding_boxes.txt", 1, "-9"), "box", r"\(-9, "),
    "a visible part outside": (change("parts/part_locs.txt", 3, "81.5"), "keypoint", r", 81.5\) in a picture of 96x80"),
    "a missing table": (lambda root: (root / "classes.txt").unlink(), "layout", "lacks classes.txt"),
    "a missing picture": (lambda root: picture(root).unlink(), "layout", "missing"),
    "a subset": (without_an_image, "counts", "instead of"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_one_finding_for(case, folder):
    breakage, kind, what = BROKEN[case]
    breakage(folder)
    findings = inspect(CARD, folder)
    assert [finding.kind for finding in findings] == [kind]
    assert re.search(what, findings[0].what)


def test_everything_is_found_at_once_with_the_image_it_is_in(folder):
    tear(folder, 0)
    tear(folder, 9)
    shrink_mask(folder)
    change("bounding_boxes.txt", 3, "500")(folder)
    findings = inspect(replace(CARD, counts={"classes": 200, "val": 3}), folder)
    assert sorted(finding.kind for finding in findings) == ["box", "counts", "mask", "picture", "picture"]
    torn = {finding.where.split()[1] for finding in findings if finding.kind == "picture"}
    assert torn == {str(int(picture(folder, number).stem[-4:])) for number in (0, 9)}


@pytest.mark.parametrize(("value", "column", "visible"), [("96.9", 2, True), ("80.9", 3, True), ("999", 2, False)])
def test_one_pixel_beyond_the_edge_and_hidden_parts_are_no_finding(value, column, visible, folder):
    change("parts/part_locs.txt", column, value, visible=True)(folder)
    if not visible:
        change("parts/part_locs.txt", 4, "0")(folder)
    assert found(folder) == []


def test_counts_of_other_settings_than_the_cards_are_not_compared(folder):
    from pydantic import BaseModel

    class Level(BaseModel):
        level: str = "species"

    card = replace(CARD, settings=Level, counts={"classes": 200})
    assert [finding.kind for finding in inspect(card, folder)] == ["counts"]
    assert inspect(card, folder, Level(level="family")) == []


def test_ids_and_classes_that_a_reader_let_pass_are_found(folder, monkeypatch):
    data = datasets.load("cub", root=folder)
    annotations = data["test"]._annotations
    annotations.ids[1] = annotations.ids[0]
    annotations.labels[annotations.labels == 2] = 7
    monkeypatch.setattr(type(CARD), "load", lambda card: lambda root, settings: data)
    assert {(kind, what[:11]) for kind, what in found(folder)} == {
        ("duplicate", "2 images ha"), ("class", "no image"), ("class", "7 images wi")}
