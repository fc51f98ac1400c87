"""FunnyBirds in its official layout, and with one thing broken at a time."""

import json
import shutil
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from partbench import datasets
from partbench.errors import UserError

PARTS = {"beak": [{"model": "beak01.glb", "color": "yellow"}], "eye": [{"model": "eye01.glb"}],
         "foot": [{"model": "foot01.glb"}], "tail": [{"model": "tail01.glb", "color": "red"}],
         "wing": [{"model": "wing01.glb", "color": "red"}]}
COLOURS = {"beak": (255, 255, 0), "left eye": (255, 255, 253), "right eye": (255, 255, 254), "left foot": (255, 0, 1),
           "right foot": (255, 0, 2), "left wing": (0, 255, 1), "right wing": (0, 255, 2), "tail": (0, 0, 255)}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path / "cache"))


def paint(missing=()):
    """A part map 32 x 32 with alpha: parts are 4 x 2 blocks in a column, sides are side by side, the rest is black."""
    picture = np.zeros((32, 32, 4), np.uint8)
    picture[..., 3] = 255
    for row, part in enumerate(PARTS):
        for column, side in enumerate(("left ", "right ") if f"left {part}" in COLOURS else ("",)):
            if part not in missing:
                picture[4 * row + 2:4 * row + 4, 6 + 10 * column:10 + 10 * column, :3] = COLOURS[side + part]
    return picture


def write_tiny_funnybirds(root, classes=3, train=4, test=2):
    """Every second training bird has no tail. Numbers run on over classes, as in the release."""
    (root / "parts").parent.mkdir(parents=True)
    for split, count in (("train", train), ("test", test)):
        entries = []
        for number in range(classes):
            for _ in range(count):
                name = f"{number}/{len(entries):06d}.png"
                bare = split == "train" and len(entries) % 2
                entries.append({"class_idx": number, "camera_distance": 300, "beak_model": "beak01.glb",
                                "tail_model": "placeholder" if bare else "tail01.glb", "bg_objects": "1,2,"})
                for folder in (split, f"{split}_part_map"):
                    (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(paint(["tail"] if bare else [])).save(root / f"{split}_part_map" / name)
                Image.fromarray(np.full((32, 32, 4), 60 + 9 * number, np.uint8)).save(root / split / name)
        (root / f"dataset_{split}.json").write_text(json.dumps(entries))
    (root / "classes.json").write_text(json.dumps([{"class_idx": i, "parts": dict.fromkeys(PARTS, 0)}
                                                   for i in range(classes)]))
    (root / "parts.json").write_text(json.dumps(PARTS))
    return root


@pytest.fixture
def root(tmp_path):
    return write_tiny_funnybirds(tmp_path / "FunnyBirds")


def test_part_maps_become_five_parts_with_both_sides_in_one(root):
    data = datasets.load("funnybirds", root=root)
    assert data.classes == ["bird 00", "bird 01", "bird 02"]
    assert data.parts == ["beak", "eye", "foot", "tail", "wing"]
    assert {split: len(data[split]) for split in ("train+val", "test")} == {"train+val": 12, "test": 6}
    sample = data["test"][3]
    assert (sample.id, sample.label) == ("test/000003", 1)
    assert sample.image.shape == (3, 32, 32)
    assert sample.box == (6, 2, 14, 18)
    assert sample.object_mask is None
    expected = torch.zeros(5, 32, 32, dtype=torch.bool)
    for part, both in enumerate((False, True, True, False, True)):
        expected[part, 4 * part + 2:4 * part + 4, 6:10] = True
        expected[part, 4 * part + 2:4 * part + 4, 16:20] |= both
    assert torch.equal(sample.part_masks, expected)
    assert sample.keypoints[0].tolist() == [8, 3]
    x, y = sample.keypoints[1].long().tolist()
    assert expected[1, y, x]


def test_a_part_that_a_training_bird_lacks_is_not_visible_and_a_blended_colour_is_no_part(root):
    picture = paint()
    picture[3, 6:10, :3] = (255, 200, 0)
    Image.fromarray(picture).save(root / "test_part_map/0/000000.png")
    data = datasets.load("funnybirds", root=root)
    both = data["train+val"]
    assert both[both.ids.index("train/000001")].visible.tolist() == [True, True, True, False, True]
    assert data["test"][0].part_masks[0].sum() == 4


def test_it_passes_the_contract_and_is_read_without_torch(root):
    data = datasets.load("funnybirds", root=root)
    assert data.fingerprint == datasets.registry.get("funnybirds").fingerprint_of(root)
    datasets.check_dataset(data)
    code = (f"import sys; from partbench import datasets; datasets.load('funnybirds', root={str(root)!r}); "
            "sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def edit(name, change):
    def apply(root):
        document = json.loads((root / name).read_text())
        (root / name).write_text(json.dumps(change(document)))
    return apply


BROKEN = {
    "a missing file": (lambda root: (root / "classes.json").unlink(), r"lacks classes.json; a complete FunnyB"),
    "a missing folder": (lambda root: shutil.rmtree(root / "test_part_map"), r"lacks test_part_map"),
    "a missing picture": (lambda root: (root / "test/1/000003.png").unlink(), r"test/1/000003.png: missing;"),
    "a missing part map": (lambda root: (root / "test_part_map/1/000003.png").unlink(), r"map/1/000003.png: missing;"),
    "an extra row": (edit("dataset_test.json", lambda rows: [*rows, rows[-1]]), r"test/2/000006.png: missing \(and 1"),
    "a row too few": (edit("dataset_test.json", lambda rows: rows[1:]), r"test/1/000001.png: missing"),
    "an unknown class": (edit("dataset_test.json", lambda rows: [{"class_idx": 9}, *rows[1:]]),
                         r"dataset_test.json \[0\]: class 9 is not in classes.json"),
    "no class": (edit("dataset_test.json", lambda rows: [{}, *rows[1:]]), r"test.json \[0\]: class_idx is missing"),
    "a class of text": (edit("dataset_test.json", lambda rows: [{"class_idx": "1"}, *rows[1:]]), r"class_idx is '1'"),
    "a negative class": (edit("classes.json", lambda rows: [{"class_idx": -1}]), r"classes.json \[0\]: .* is -1"),
    "a class twice": (edit("classes.json", lambda rows: [*rows, rows[0]]), r"classes.json lists a class twice"),
    "a class without training picture": (edit("classes.json", lambda rows: [*rows, {"class_idx": 3}]),
                                         r"class 'bird 03' has no training image"),
    "an entry that is no object": (edit("dataset_test.json", lambda rows: [7, *rows[1:]]), r"\[0\]: not an object"),
    "nothing": (edit("dataset_test.json", lambda rows: []), r"dataset_test.json lists nothing"),
    "no list": (edit("dataset_test.json", lambda rows: {"a": 1}), r"dataset_test.json lists nothing"),
    "other parts": (edit("parts.json", lambda parts: {"beak": []}), r"parts.json does not list beak, eye, foot"),
    "no JSON": (lambda root: (root / "parts.json").write_text("{"), r"parts.json line 1: no JSON"),
    "nan": (lambda root: (root / "classes.json").write_text('[{"class_idx": NaN}]'), r"classes.json: .*it holds NaN"),
    "a torn part map": (lambda root: (root / "test_part_map/1/000003.png").write_bytes(b"\x89PNG\r\n\x1a\nx"),
                        r"test_part_map/1/000003.png: (damaged|not a picture)"),
    "the folder above": (lambda root: (root.rename(root.parent / "x"), root.mkdir(),
                                       (root.parent / "x").rename(root / "FunnyBirds")), r"FunnyBirds does; give that"),
    "no folder": (shutil.rmtree, r"no FunnyBirds at .*no such folder"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_one_line_names_file_and_mend_for(broken, root):
    breakage, message = BROKEN[broken]
    breakage(root)
    with pytest.raises(UserError, match=message) as error:
        datasets.load("funnybirds", root=root)
    assert "\n" not in str(error.value)
    assert ";" in str(error.value)


def test_a_torn_picture_and_a_mask_of_another_size_are_refused_by_name(root):
    (root / "test/0/000000.png").write_bytes((root / "test/0/000000.png").read_bytes()[:60])
    Image.fromarray(paint()[:20]).save(root / "test_part_map/0/000001.png")
    data = datasets.load("funnybirds", root=root)["test"]
    with pytest.raises(UserError, match=r"test/0/000000.png: damaged"):
        data[0]
    with pytest.raises(UserError, match=r"test/0/000001.png is 32x32 pixels, its mask 32x20"):
        data[1]


def test_a_part_map_that_would_fill_the_memory_is_refused(root):
    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    content = b"".join(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
                       for name, data in chunks)
    (root / "test_part_map/0/000000.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    with pytest.raises(UserError, match=r"000000.png: damaged .*(limit|exceeds)"):
        datasets.load("funnybirds", root=root)
