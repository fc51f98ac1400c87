"""PartImageNet in the layouts of its two releases, and with one thing broken at a time."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from partbench import datasets
from partbench.errors import UserError

CATEGORIES = [{"id": 0, "name": "Quadruped Head", "supercategory": "Quadruped"},
              {"id": 1, "name": "Quadruped Body", "supercategory": "Quadruped"},
              {"id": 7, "name": "Bird Head", "supercategory": "Bird"},
              {"id": 9, "name": "Bird Wing", "supercategory": "Bird"}]
SEG = {"train": {"n01": 5, "n02": 4}, "val": {"n01": 1, "n02": 1}, "test": {"n01": 2, "n02": 1}}
OOD = {"train": {"n01": 12, "n02": 3}, "val": {"n11": 1, "n12": 1}, "test": {"n21": 2, "n22": 1}}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path / "cache"))


def rectangle(x1, y1, x2, y2):
    return [x1, y1, x2, y1, x2, y2, x1, y2]


def entries(picture, bird):
    """A body with a hole-free outline of two polygons, a head as run lengths, and a degenerate annotation."""
    head, body = (7, 9) if bird else (0, 1)
    mask = np.zeros((30, 40), int)
    mask[4:10, 24:34] = 1
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[1 - 1], mask.T.ravel(), [2]]))), prepend=0).tolist()
    return [{"image_id": picture, "category_id": body, "iscrowd": 0, "area": 200, "bbox": [4, 8, 20, 14],
             "segmentation": [rectangle(4, 8, 14, 22), rectangle(14, 8, 24, 22)]},
            {"image_id": picture, "category_id": head, "iscrowd": 0, "area": 60, "bbox": [24, 4, 10, 6],
             "segmentation": {"counts": runs, "size": [30, 40]}},
            {"image_id": picture, "category_id": head, "iscrowd": 0, "area": 0, "bbox": [0, 0, 0, 0],
             "segmentation": [[3, 3]]}]


def write_tiny_release(root, plan, annotations="annotations/{0}/{0}.json", images="images/{split}/{name}"):
    for split, classes in plan.items():
        document = {"images": [], "annotations": [], "categories": CATEGORIES}
        for wnid, count in classes.items():
            for i in range(count):
                number, name = 3 * len(document["images"]) + 1, f"{wnid}_{split}{i}.JPEG"
                document["images"].append({"id": number, "file_name": name, "width": 40, "height": 30})
                document["annotations"] += entries(number, wnid.endswith("2"))
                path = root / images.format(split=split, name=name, wnid=wnid)
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((30, 40, 3), number % 200, np.uint8)).save(path, "JPEG")
        document["images"].append({"id": 999, "file_name": "n01_bare.JPEG", "width": 40, "height": 30})
        for i, entry in enumerate(document["annotations"]):
            entry["id"] = i
        path = root / annotations.format(split)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
    return root


@pytest.fixture
def root(tmp_path):
    return write_tiny_release(tmp_path / "seg", SEG)


def test_polygons_and_run_lengths_become_part_masks_and_keypoints(root):
    data = datasets.load("part_imagenet", root=root)
    assert data.classes == ["n01", "n02"]
    assert data.parts == ["Quadruped Head", "Quadruped Body", "Bird Head", "Bird Wing"]
    assert {split: len(data[split]) for split in ("train", "val", "test")} == {"train": 9, "val": 2, "test": 3}
    sample = data["test"][0]
    assert (sample.id, sample.label) == ("n01_test0", 0)
    assert sample.visible.tolist() == [True, True, False, False]
    assert sample.keypoints[:2].tolist() == [[29, 7], [14, 15]]
    assert sample.box == (4, 4, 30, 18)
    expected = torch.zeros(4, 30, 40, dtype=torch.bool)
    expected[0, 4:10, 24:34] = True
    expected[1, 8:22, 4:24] = True
    assert torch.equal(sample.part_masks, expected)
    assert torch.equal(sample.object_mask, expected.any(0))


def test_the_supercategory_may_be_the_label(root):
    data = datasets.load("part_imagenet", root=root, labels="supercategory")
    assert data.classes == ["Bird", "Quadruped"]
    assert data["test"].labels.tolist() == [1, 1, 0]


@pytest.mark.parametrize(("annotations", "images"), [("{0}.json", "{split}/{wnid}/{name}"),
                                                     ("annotations/{0}.json", "images/{split}/{name}"),
                                                     ("annotations/{0}/{0}.json", "{split}/{name}")])
def test_every_layout_in_use_is_read(annotations, images, tmp_path):
    root = write_tiny_release(tmp_path / "root" / "PartImageNet_Seg", SEG, annotations, images)
    assert datasets.load("part_imagenet", root=root.parent)["test"][2].image.shape == (3, 30, 40)


def test_ood_sets_share_only_supercategories_and_its_training_classes_are_a_data_set_of_their_own(tmp_path):
    root = write_tiny_release(tmp_path / "ood", OOD, "{0}.json", "{split}/{wnid}/{name}")
    shared = datasets.load("part_imagenet", root=root, split="ood", labels="supercategory")
    assert shared.classes == ["Bird", "Quadruped"]
    assert [len(shared[split]) for split in ("train", "val", "test")] == [15, 2, 3]
    alone = datasets.load("part_imagenet", root=root, split="ood")
    assert alone.classes == ["n01", "n02"]
    assert np.bincount(alone["test"].labels).tolist() == [1, 1]
    assert [len(alone[split]) for split in ("train", "val", "test")] == [11, 2, 2]
    with pytest.raises(UserError, match=r"train and test share no class, .*give split=ood"):
        datasets.load("part_imagenet", root=root)


def test_the_seg_release_is_not_taken_for_ood(root):
    with pytest.raises(UserError, match=r"class n01 is in train and in test, .*give split=seg"):
        datasets.load("part_imagenet", root=root, split="ood", labels="supercategory")


def test_it_passes_the_contract_and_is_read_without_torch(root):
    data = datasets.load("part_imagenet", root=root)
    assert data.fingerprint == datasets.registry.get("part_imagenet").fingerprint_of(root)
    datasets.check_dataset(data)
    code = (f"import sys; from partbench import datasets; datasets.load('part_imagenet', root={str(root)!r}); "
            "sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def edit(change, split="train"):
    """Change the document of one split."""
    def apply(root):
        path = root / f"annotations/{split}/{split}.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))
    return apply


def put(kind, row, **values):
    return edit(lambda document: document[kind][row].update(values))


def drop(kind, row, name):
    return edit(lambda document: document[kind][row].pop(name))


def text(change):
    def apply(root):
        path = root / "annotations/train/train.json"
        path.write_text(change(path.read_text()))
    return apply


BROKEN = {
    "a missing file": (lambda root: (root / "annotations/val/val.json").unlink(), r"val.json is missing; take it from"),
    "a missing picture": (lambda root: (root / "images/test/n01_test0.JPEG").unlink(), r"n01_test0.JPEG: missing;"),
    "an extra picture": (edit(lambda d: (d["images"].append({**d["images"][0], "id": 5000, "file_name": "n01_x.JPEG"}),
                                         d["annotations"].append({**d["annotations"][0], "image_id": 5000}))),
                         r"n01_x.JPEG: missing;"),
    "cut short": (text(lambda content: content[:-40]), r"train.json line 1: no JSON"),
    "nan": (text(lambda content: content.replace("200", "NaN", 1)), r"train.json: no usable JSON \(it holds NaN\)"),
    "an endless nest": (text(lambda content: "[" * 200_000), r"train.json.*no (usable )?JSON"),
    "a list": (text(lambda content: "[]"), r"train.json: not an object but \[\]"),
    "no categories": (edit(lambda document: document.pop("categories")), r"train.json: categories is missing"),
    "an image without size": (drop("images", 1, "width"), r"train.json images\[1\]: width is missing"),
    "a size of text": (put("images", 1, height="30"), r"train.json images\[1\]: height is '30'"),
    "a size of zero": (put("images", 1, height=0), r"images\[1\]: a picture of 40x0 pixels"),
    "a size beyond reason": (put("images", 1, height=10**9), r"images\[1\]: a picture of 40x1000000000 pixels"),
    "an image twice": (put("images", 1, id=1), r"images\[1\]: a second image with id 1"),
    "a path that climbs out": (put("images", 1, file_name="../n01_x.JPEG"), r"images\[1\]: path .* may lead outside"),
    "an unknown image": (put("annotations", 3, image_id=77), r"annotations\[3\]: image 77 is not in this file"),
    "an unknown category": (put("annotations", 3, category_id=77), r"annotations\[3\]: category 77 is not in this"),
    "an id that is true": (put("annotations", 3, image_id=True), r"annotations\[3\]: image_id is True"),
    "no polygon": (put("annotations", 3, segmentation=[]), r"annotations\[3\]: segmentation holds no polygon"),
    "a polygon outside": (put("annotations", 3, segmentation=[rectangle(90, 90, 99, 99)]), r"\[3\]: a polygon outside"),
    "two corners": (put("annotations", 3, segmentation=[[1, 2, 3, 4]], bbox=[1, 2, 0, 3]), r"\[3\]: bbox is no"),
    "runs too short": (put("annotations", 4, segmentation={"counts": [9], "size": [30, 40]}), r"\[4\]: .* 9 of 1200"),
    "a category that differs": (edit(lambda document: document["categories"][0].update(name="Quadruped Tail"), "val"),
                                r"val.json categories\[0\]: id 0 is 'Quadruped Tail' here"),
    "a class without training picture": (
        edit(lambda d: d.update(annotations=[a for a in d["annotations"] if a["category_id"] < 7])),
        r"class 'n02' has no training image"),
    "no annotation": (lambda root: [edit(lambda document: document.update(annotations=[]), split)(root)
                                    for split in SEG], r"no picture has an annotation"),
    "a picture in two sets": (edit(lambda document: document["images"][0].update(file_name="n01_train0.JPEG"), "test"),
                              r"image n01_train0 is listed twice"),
    "no folder": (shutil.rmtree, r"no PartImageNet at .*no such folder"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_one_line_names_file_entry_and_mend_for(broken, root):
    breakage, message = BROKEN[broken]
    breakage(root)
    with pytest.raises(UserError, match=message) as error:
        datasets.load("part_imagenet", root=root)
    assert "\n" not in str(error.value)
    assert ";" in str(error.value)


def test_a_torn_picture_and_a_mask_of_another_size_are_refused_by_name(root):
    picture = root / "images/test/n01_test0.JPEG"
    picture.write_bytes(picture.read_bytes()[:-200])
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(root / "images/test/n01_test1.JPEG")
    data = datasets.load("part_imagenet", root=root)["test"]
    with pytest.raises(UserError, match=r"n01_test0.JPEG: damaged"):
        data[0]
    with pytest.raises(UserError, match=r"n01_test1.JPEG is 80x60 pixels, its mask 40x30"):
        data[1]
