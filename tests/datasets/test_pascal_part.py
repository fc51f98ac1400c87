"""PASCAL-Part in its official layout (MATLAB files) and as label maps, and with one thing broken at a time."""

import shutil
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from partbench import datasets
from partbench.datasets.formats.pascal_groups import GROUPS, KINDS, PARTS, part_of
from partbench.errors import UserError

SHAPE = (30, 40)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path / "cache"))


def square(x1, y1, x2, y2, shape=SHAPE):
    mask = np.zeros(shape, np.uint8)
    mask[y1:y2, x1:x2] = 1
    return mask


def structs(items, fields):
    """A MATLAB struct array 1 x N; an empty list as MATLAB writes it, 0 x 0."""
    if not items:
        return np.zeros((0, 0))
    array = np.empty((1, len(items)), [(name, object) for name in fields])
    for i, item in enumerate(items):
        array[0, i] = item
    return array


def annotate(path, objects, compressed=True):
    """Write ``objects``, tuples (kind, mask, [(part name, mask), ...]), as Annotations_Part does."""
    things = [(kind, 1.0, mask, structs(parts, ("part_name", "mask"))) for kind, mask, parts in objects]
    anno = {"imname": path.stem, "objects": structs(things, ("class", "class_ind", "mask", "parts"))}
    savemat(path, {"anno": anno}, do_compression=compressed)


CAT = ("cat", square(4, 4, 24, 20), [("head", square(4, 4, 12, 12)), ("leye", square(5, 5, 7, 7)),
                                     ("lfleg", square(6, 12, 8, 20)), ("rfpa", square(20, 18, 22, 20)),
                                     ("tail", square(22, 6, 24, 14))])
CAR = ("car", square(10, 2, 38, 28), [("frontside", square(10, 2, 38, 28)), ("wheel_1", square(12, 24, 16, 28)),
                                      ("wheel_2", square(30, 24, 34, 28)), ("sunroof", square(20, 2, 22, 4))])
SOFA = ("sofa", square(0, 0, 40, 30), [])


def write_tiny_pascal(root):
    """Cats and cars, 3 for training and 2 for test each; every cat lies on a sofa. A picture of a sofa alone, too."""
    for folder in ("JPEGImages", "ImageSets/Main", "Annotations_Part"):
        (root / folder).mkdir(parents=True)
    lists = {"train": [], "val": []}
    for i in range(11):
        name = f"2008_{i:06d}"
        objects = [SOFA] if i == 10 else [SOFA, CAT] if i % 2 else [CAR, CAT]
        annotate(root / f"Annotations_Part/{name}.mat", objects)
        Image.fromarray(np.full((*SHAPE, 3), 20 * i, np.uint8)).save(root / f"JPEGImages/{name}.jpg")
        lists["train" if i < 6 else "val"].append(name)
    lists["val"].append("2008_000099")  # in VOC's list, without parts
    annotate(root / "Annotations_Part/2010_000001.mat", [CAT])  # in no list
    for name, rows in lists.items():
        (root / f"ImageSets/Main/{name}.txt").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture
def root(tmp_path):
    return write_tiny_pascal(tmp_path / "VOC2010")


def test_the_largest_object_with_parts_gives_label_box_and_grouped_parts(root):
    data = datasets.load("pascal_part", root=root)
    assert data.classes == ["car", "cat"]
    assert data.parts == PARTS
    assert data["train+val"].ids == [f"2008_{i:06d}" for i in range(6)]
    assert data["test"].ids == [f"2008_{i:06d}" for i in range(6, 10)]
    car, cat = data["test"][0], data["test"][1]
    assert (car.label, cat.label) == (0, 1)
    assert cat.box == (4, 4, 20, 16)
    shown = [data.parts[p] for p in torch.nonzero(cat.visible).flatten()]
    assert shown == ["cat head", "cat leg", "cat tail"]
    assert torch.equal(cat.object_mask, torch.from_numpy(CAT[1] > 0))
    assert cat.keypoints[PARTS.index("cat head")].tolist() == [8, 8]
    legs = torch.from_numpy((square(6, 12, 8, 20) | square(20, 18, 22, 20)) > 0)
    assert torch.equal(cat.part_masks[PARTS.index("cat leg")], legs)


def test_a_part_painted_later_covers_an_earlier_one_and_an_ungrouped_part_belongs_to_none(root):
    car = datasets.load("pascal_part", root=root)["test"][0]
    body, wheel = (car.part_masks[PARTS.index(f"car {part}")] for part in ("body", "wheel"))
    assert wheel.sum() == 32
    assert not (body & wheel).any()
    assert body[3, 21]  # under the sunroof
    assert part_of("car", "sunroof") is None


def test_the_grouping_has_57_regions_52_parts_and_15_kinds():
    assert (len(GROUPS), len(PARTS), len(set(PARTS)), len(KINDS)) == (57, 52, 52, 15)
    assert part_of("person", "llarm") == part_of("person", "rhand") == PARTS.index("person lower arm")
    assert part_of("bird", "tail") == PARTS.index("bird torso")
    assert part_of("bus", "window_12") == PARTS.index("bus window")


def test_label_maps_of_the_grouping_are_read_as_well(root):
    regions = [f"{kind} {part}" for kind, part in GROUPS]
    for path in list((root / "Annotations_Part").iterdir()):
        values = np.where(square(0, 0, 40, 30), 1 + regions.index("sofa None"), 0)
        kind = "car" if int(path.stem[-1]) % 2 == 0 else "cat"
        values[4:10, 4:14] = 1 + regions.index(f"{kind} {'body' if kind == 'car' else 'torso'}")
        values[4:6, 4:8] = 1 + regions.index(f"{kind} {'wheel' if kind == 'car' else 'head'}")
        values[10, :] = 255
        Image.fromarray(values.astype(np.uint8)).save(path.with_suffix(".png"))
        path.unlink()
    data = datasets.load("pascal_part", root=root)
    cat = data["test"][1]
    assert data.classes[cat.label] == "cat"
    assert cat.box == (4, 4, 10, 6)
    assert cat.keypoints[PARTS.index("cat head")].tolist() == [6, 5]
    assert cat.visible.sum() == 2
    Image.fromarray(np.full(SHAPE, 77, np.uint8)).save(root / "Annotations_Part/2008_000003.png")
    with pytest.raises(UserError, match=r"2008_000003.png holds 77; part masks in the grouping"):
        datasets.load("pascal_part", root=root)


def test_it_passes_the_contract_and_is_read_without_torch(root):
    datasets.check_dataset(datasets.load("pascal_part", root=root))
    code = (f"import sys; from partbench import datasets; datasets.load('pascal_part', root={str(root)!r}); "
            "sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def mat(change):
    def apply(root):
        path = root / "Annotations_Part/2008_000003.mat"
        content = change(path.read_bytes())
        path.write_bytes(content)
    return apply


def bomb(content):
    """Eight arrays of 128 MiB of zeros, as MATLAB compresses them: a megabyte."""
    size = 2**27
    array = [6, 8, 9, 0, 5, 8, size, 1, 1 | 1 << 16, ord("x"), 2, size]
    packed = zlib.compress(struct.pack("<14I", 14, 4 * len(array) + size, *array) + bytes(size), 9)
    return content[:128] + (struct.pack("<II", 15, len(packed)) + packed) * 8


def replaced(*objects):
    return lambda root: annotate(root / "Annotations_Part/2008_000003.mat", objects)


BROKEN = {
    "a missing list": (lambda root: (root / "ImageSets/Main/val.txt").unlink(), r"lacks ImageSets/Main/val.txt"),
    "no annotations": (lambda root: shutil.rmtree(root / "Annotations_Part"), r"lacks Annotations_Part"),
    "an empty folder": (lambda root: [path.unlink() for path in (root / "Annotations_Part").iterdir()],
                        r"Annotations_Part holds no .mat or .png of a listed picture"),
    "a missing picture": (lambda root: (root / "JPEGImages/2008_000003.jpg").unlink(), r"2008_000003.jpg: missing;"),
    "a picture in both lists": (lambda root: (root / "ImageSets/Main/val.txt").write_text("2008_000001\n"),
                                r"image 2008_000001 is listed twice"),
    "a row too long": (lambda root: (root / "ImageSets/Main/val.txt").write_text("2008_000007 1\n"),
                       r"val.txt line 1: 2 fields instead of 1"),
    "a path that climbs out": (lambda root: (root / "ImageSets/Main/val.txt").write_text("../x\n"),
                               r"val.txt line 1: path '../x' may lead outside"),
    "no test picture": (lambda root: (root / "ImageSets/Main/val.txt").write_text(""), r"leaves no test image"),
    "a class without training picture": (
        lambda root: (root / "ImageSets/Main/train.txt").write_text("2008_000001\n2008_000003\n"),
        r"class 'car' has no training image"),
    "garbage": (mat(lambda content: b"garbage" * 40), r"2008_000003.mat: no PASCAL-Part annotation"),
    "a file cut short": (mat(lambda content: content[:300]), r"2008_000003.mat: no PASCAL-Part annotation"),
    "an empty file": (mat(lambda content: b""), r"2008_000003.mat: no PASCAL-Part annotation"),
    "a bomb": (mat(bomb), r"2008_000003.mat: .*it unpacks to more than 512 MiB"),
    "another variable": (lambda root: savemat(root / "Annotations_Part/2008_000003.mat", {"x": 1}),
                         r"2008_000003.mat: no PASCAL-Part annotation"),
    "no objects": (lambda root: savemat(root / "Annotations_Part/2008_000003.mat", {"anno": {"imname": "x"}}),
                   r"2008_000003.mat: no PASCAL-Part annotation"),
    "a mask of text": (replaced(("cat", "mask", [])), r"2008_000003.mat: .*a mask that is no matrix"),
    "a part of another size": (replaced((*CAT[:2], [("head", square(0, 0, 2, 2, (20, 20)))])),
                               r"the mask of 'head' is 20x20 pixels, its object's 40x30"),
    "no folder": (shutil.rmtree, r"no PASCAL-Part at .*no such folder"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_one_line_names_file_and_mend_for(broken, root):
    breakage, message = BROKEN[broken]
    breakage(root)
    with pytest.raises(UserError, match=message) as error:
        datasets.load("pascal_part", root=root)
    assert "\n" not in str(error.value)
    assert ";" in str(error.value)


@pytest.mark.parametrize("compressed", [True, False])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_byte_gives_a_data_set_or_one_line(compressed, root, data):
    path = root / "Annotations_Part/2008_000003.mat"
    annotate(path, [SOFA, CAT], compressed)
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    said = ""
    try:
        assert len(list(datasets.load("pascal_part", root=root)["train+val"])) in (5, 6)
    except UserError as error:
        said = str(error)
    assert "\n" not in said


def test_the_folder_above_is_pointed_to_the_right_one(root, tmp_path):
    with pytest.raises(UserError, match=r"VOC2010 does; give that one as --data-root"):
        datasets.load("pascal_part", root=tmp_path)


def test_a_torn_picture_and_a_mask_of_another_size_are_refused_by_name(root):
    picture = root / "JPEGImages/2008_000001.jpg"
    picture.write_bytes(picture.read_bytes()[:-200])
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(root / "JPEGImages/2008_000003.jpg")
    data = datasets.load("pascal_part", root=root)["train+val"]
    with pytest.raises(UserError, match=r"2008_000001.jpg: damaged"):
        data[1]
    with pytest.raises(UserError, match=r"2008_000003.jpg is 80x60 pixels, its mask 40x30"):
        data[3]


def test_a_changed_annotation_is_noticed(root):
    before = datasets.load("pascal_part", root=root)
    annotate(root / "Annotations_Part/2008_000003.mat", [("cat", square(0, 0, 9, 9), [("head", square(0, 0, 9, 9))])])
    after = datasets.load("pascal_part", root=root)
    assert after["train+val"][3].box == (0, 0, 9, 9)
    assert after.fingerprint != before.fingerprint
