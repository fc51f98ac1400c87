"""Any folder of class folders: what is read, how it is split, and one line for whatever is wrong with it."""

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from partbench import datasets
from partbench.datasets import image_folder
from partbench.datasets.cards.image_folder import CARD
from partbench.errors import UserError

WIDTH, HEIGHT = 24, 16


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path / "cache"))


def load(root, **options):
    return image_folder.read(root, CARD.resolve(options))


def paint(path, colour=(200, 30, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), colour).save(path)


def write_classes(folder, classes=("cat", "dog", "owl"), count=3):
    for name in classes:
        for i in range(count):
            paint(folder / name / f"{i}.png")
    return folder


@pytest.fixture
def single(tmp_path):
    """Class folders alone, ten pictures each."""
    return write_classes(tmp_path / "single", count=10)


@pytest.fixture
def folder(tmp_path):
    """train/ and test/ with keypoints, part masks and label levels."""
    root = tmp_path / "animals"
    for split in ("train", "test"):
        write_classes(root / split)
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    for path in paths:
        labels = np.zeros((HEIGHT, WIDTH), np.uint8)
        labels[4:8, 4:10], labels[8:12, 10:20], labels[0] = 1, 2, 255
        (root / "part_masks" / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(labels).save(root / "part_masks" / path)
    (root / "part_masks/parts.txt").write_text("head\ntail\n")
    (root / "keypoints.json").write_text(json.dumps(coco(paths)))
    (root / "labels.csv").write_text("class,genus,family\ncat,felis,mammal\ndog,canis,mammal\nowl,strix,bird\n")
    return root


def coco(paths):
    return {"images": [{"id": 7 + i, "file_name": path, "width": WIDTH, "height": HEIGHT}
                       for i, path in enumerate(paths)],
            "annotations": [{"id": i, "image_id": 7 + i, "category_id": 1, "bbox": [4, 4, 16, 8], "iscrowd": 0,
                             "keypoints": [15.5, 10, 2, 7, 6.25, 1 + i % 2]} for i in range(len(paths))],
            "categories": [{"id": 1, "name": "animal", "keypoints": ["tail", "head"], "skeleton": []}]}


def test_keypoints_boxes_masks_and_classes_are_what_the_files_say(folder):
    data = load(folder)
    assert (data.name, data.classes, data.parts) == ("image_folder", ["cat", "dog", "owl"], ["tail", "head"])
    assert [len(data[split]) for split in ("train", "val", "test")] == [6, 3, 9]
    sample = data["test"][0]
    assert (sample.id, sample.label, sample.box) == ("test/cat/0.png", 0, (4, 4, 16, 8))
    assert sample.keypoints.tolist()[0] == [15.5, 10]
    assert sample.visible.tolist() == [True, False]
    assert data["test"][1].keypoints.tolist()[1] == [7, 6.25]
    assert sample.part_masks.sum((1, 2)).tolist() == [40, 24]  # tail is value 2, head value 1, and 255 is nothing
    assert sample.object_mask.sum() == 64
    datasets.check_dataset(data, image_size=32)


def test_part_masks_alone_give_keypoints_boxes_and_names(folder):
    (folder / "keypoints.json").unlink()
    (folder / "part_masks/parts.txt").unlink()
    data = load(folder)
    assert data.parts == ["part_1", "part_2"]
    sample = data["train"][0]
    assert sample.keypoints.tolist() == [[7, 6], [15, 10]]
    assert sample.box == (4, 4, 16, 8)
    (folder / "parts.txt").write_text("head\n\ntail\n")
    assert load(folder).parts == ["head", "tail"]


def test_a_folder_without_annotations_has_whole_pictures_and_an_official_val(tmp_path):
    for split in ("train", "val", "test"):
        write_classes(tmp_path / split)
    data = load(tmp_path)
    assert {name.split("/")[0] for name in data["val"].ids} == {"val"}
    assert (data.parts, data["val"][0].box) == ([], (0, 0, WIDTH, HEIGHT))
    datasets.check_dataset(data, image_size=32)


def test_keypoint_files_may_stand_in_each_split_and_the_largest_object_counts(folder):
    (folder / "keypoints.json").unlink()
    known = coco(["cat/0.png"])
    known["annotations"].append(known["annotations"][0] | {"bbox": [0, 0, 5, 5], "keypoints": [1, 1, 2, 1, 1, 2]})
    (folder / "test/points.json").write_text(json.dumps(known))
    data = load(folder, keypoints="points.json")
    assert data["test"][0].box == (4, 4, 16, 8)
    assert not data["test"][1].visible.any()
    assert data["test"][1].box == (4, 4, 16, 8)  # around its masks


def test_labels_merge_classes_to_a_level_and_change_the_fingerprint(folder):
    data = load(folder, labels="family")
    assert data.classes == ["bird", "mammal"]
    assert data["test"].labels.tolist() == [1] * 6 + [0] * 3
    assert len({load(folder, labels=level).fingerprint for level in (None, "genus", "family")}) == 3
    assert load(folder, labels="class").fingerprint == load(folder).fingerprint


def test_a_single_folder_is_split_by_path_so_that_new_pictures_move_no_others(single):
    before = load(single)
    for i in range(10, 40):
        paint(single / "cat" / f"{i}.jpg")
    after = load(single)
    assert set(before["test"].ids) <= set(after["test"].ids)
    assert set(before["train+val"].ids) <= set(after["train+val"].ids)
    assert 0.2 < len(after["test"]) / 60 < 0.4
    assert load(single, seed=1)["test"].ids != after["test"].ids
    assert load(single, seed=1).fingerprint != after.fingerprint
    assert len(load(single, test_share=0.9)["test"]) > 45


def test_every_class_of_a_single_folder_is_trained_and_tested(tmp_path):
    write_classes(tmp_path, classes=[f"class {i}" for i in range(12)], count=2)
    data = load(tmp_path)
    for split in ("train", "test"):
        assert np.bincount(data[split].labels).tolist() == [1] * 12


def test_other_files_deeper_folders_and_odd_names_are_no_trouble(single):
    before = load(single).fingerprint
    for name in ("README.txt", ".DS_Store", "._0.png", "cat/notes.md", "cat/.hidden/x.png", "__MACOSX/cat/._0.png"):
        (single / name).parent.mkdir(parents=True, exist_ok=True)
        (single / name).write_text("no picture")
    assert load(single).fingerprint == before
    odd = ["owl/a b.PNG", "owl/ünï.jpeg", "owl/new\nline.png", "owl/deeper/still/'q\".Jpg",
           *(f"größe 雪/{i}.png" for i in range(9))]
    for name in odd:
        path = single / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(path, format="PNG")
    data = load(single)
    assert set(odd) <= {*data["train+val"].ids, *data["test"].ids}
    assert "größe 雪" in data.classes
    pickle.loads(pickle.dumps(data))["test"].check_images()


def test_a_torn_picture_is_named_before_training(single):
    os.truncate(single / "dog/3.png", 40)
    data = load(single)
    split = "test" if "dog/3.png" in data["test"].ids else "train+val"
    with pytest.raises(UserError, match=r"dog/3.png: "):
        data[split].check_images()


def test_the_fingerprint_follows_pictures_masks_and_files_but_not_the_place(folder, tmp_path):
    before = load(folder).fingerprint
    assert load(folder.rename(tmp_path / "moved")).fingerprint == before
    folder = tmp_path / "moved"
    for name in ("part_masks/train/cat/0.png", "train/cat/0.png", "keypoints.json"):
        with open(folder / name, "ab") as file:
            file.write(b" ")
        after = load(folder).fingerprint
        assert after != before
        before = after


def write(name, content):
    def apply(root):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return apply


def change(edit, name="keypoints.json"):
    def apply(root):
        known = json.loads((root / name).read_text())
        edit(known)
        (root / name).write_text(json.dumps(known))
    return apply


def remove(*names):
    def apply(root):
        for name in names:
            path = root / name
            path.unlink() if path.is_file() else [inner.unlink() for inner in path.iterdir()] and path.rmdir()
    return apply


def annotate(**values):
    return change(lambda known: known["annotations"][3].update(values))


def link(name, target):
    return lambda root: (root / name).symlink_to(target)


def mask(values, name="part_masks/train/cat/0.png"):
    return lambda root: Image.fromarray(np.array(values, np.uint8)).save(root / name)


BROKEN = {
    "no folder": (lambda root: root.rename(root.with_name("away")), {}, "no Image folder at .*animals: no such"),
    "no test": (lambda root: (root / "test").rename(root / "val"), {}, "holds train/ and val/, but no test/; "),
    "a split spelt otherwise": (lambda root: (root / "test").rename(root / "Testing"), {}, "'Testing'; rename it to"),
    "a class that is not trained": (remove("train/owl"), {}, "class 'owl' in .*test is not in train/; give"),
    "a class that is not tested": (remove("test/owl"), {}, "class 'owl' in .*train is not in test/; give"),
    "an empty class": (lambda root: (root / "train/yak").mkdir(), {}, "class folder 'train/yak' .* holds no picture"),
    "a class without pictures": (write("test/yak/README.txt", "no"), {}, "class folder 'test/yak' .* holds no picture"),
    "one class": (remove(*(f"{split}/{name}" for split in ("train", "test") for name in ("owl", "dog")),
                         "keypoints.json"), {}, "holds one class, 'cat'; telling"),
    "no class": (remove(*(f"train/{name}" for name in ("cat", "dog", "owl"))), {}, "animals/train holds no class fo"),
    "a loose picture": (write("train/x.jpg", ""), {}, "picture 'train/x.jpg' .* lies beside the class folders; move"),
    "a link that leads outside": (link("train/cat/x.png", "/etc/passwd"), {}, "'train/cat/x.png' leads outside .*; "),
    "a broken link": (link("train/cat/x.png", "0.gone"), {}, r"train/cat/x.png: missing; put"),
    "a link in a circle": (link("train/cat/x.png", "x.png"), {}, r"train/cat/x.png cannot be read \(Too many levels"),
    "a link to a folder": (link("train/dog/more", "../../test/dog"), {}, "more' is a link to a folder; put the folder"),
    "a pipe": (lambda root: os.mkfifo(root / "train/cat/x.png"), {}, "x.png' is neither a file nor a folder; remove"),
    "a name in another encoding": (lambda root: open(os.fsencode(root) + b"/train/cat/\xff.png", "w").close(), {},
                                   r"\\xff.png' is not UTF-8 text; rename it"),
    "a split of its own and a share": (lambda root: None, {"test_share": 0.2}, "test_share and seed split a single"),
    "no level of that name": (lambda root: None, {"labels": "familly"}, "column of .*csv 'familly'; did you mean 'fam"),
    "no table of levels": (remove("labels.csv"), {"labels": "genus"}, "labels.csv: missing; write a table"),
    "a class without level": (write("labels.csv", "class,genus\ncat,f\ndog,c\n"), {"labels": "genus"},
                              "labels.csv: class 'owl' has no row; add one"),
    "an extra level": (write("labels.csv", "class,genus\ncat,f\nyak,b\n"), {"labels": "genus"},
                       "labels.csv line 3: class 'yak' has no folder; remove"),
    "a level twice": (write("labels.csv", "class,genus\ncat,f\n\ncat,f\n"), {"labels": "genus"},
                      "labels.csv line 4: a second row for class 'cat'; keep"),
    "an empty level": (write("labels.csv", "class,genus\ncat, \n"), {"labels": "genus"}, "line 2: class 'cat' has no "),
    "a short row": (write("labels.csv", "class,genus\ncat\n"), {"labels": "genus"}, "line 2: 1 cells instead of 2; "),
    "no class column": (write("labels.csv", "name,genus\n"), {"labels": "genus"}, "line 1: .*; name one 'class'"),
    "levels in another encoding": (write("labels.csv", b"class,genus\n\xff"), {"labels": "genus"}, "labels.csv: 'utf"),
    "a null byte in the levels": (write("labels.csv", 'class,genus\n"a\0'), {"labels": "genus"}, "labels.csv: "),
    "a keypoint file that is not there": (lambda root: None, {"keypoints": "kp.json"}, "kp.json is missing; leave out"),
    "a keypoint file from outside": (lambda root: None, {"keypoints": "../kp.json"}, r"'../kp.json' leads outside"),
    "a torn keypoint file": (write("keypoints.json", '{"images": ['), {}, "keypoints.json: Invalid JSON: .* line 1"),
    "a list for a keypoint file": (write("keypoints.json", "[]"), {}, "keypoints.json: Input should be an object"),
    "an endless keypoint file": (write("keypoints.json", "[" * 99999), {}, "keypoints.json: Invalid JSON: .*; write"),
    "a missing member": (change(lambda known: known["images"][2].pop("id")), {}, r"images\[2\].id(.int)?: Field requ"),
    "a keypoint that is no number": (annotate(keypoints=[1, np.nan, 2, 1, 1, 2]), {}, r"\[3\].keypoints\[1\]: .*fini"),
    "a keypoint that is infinite": (annotate(keypoints=[1, np.inf, 2, 1, 1, 2]), {}, r"\[3\].keypoints\[1\]: .*finit"),
    "too few keypoints": (annotate(keypoints=[1, 2, 2]), {}, r"annotations\[3\].keypoints has 3 numbers; write"),
    "a visibility of 3": (annotate(keypoints=[1, 1, 3, 1, 1, 2]), {}, r"annotations\[3\].keypoints has a v that is"),
    "a box turned inside out": (annotate(bbox=[4, 4, -2, 3]), {}, r"annotations\[3\].bbox is .*; write x, y, width"),
    "an unknown image": (annotate(image_id=3), {}, r"annotations\[3\].image_id 3 is not among the images; add it"),
    "an unknown category": (annotate(category_id=9), {}, r"annotations\[3\].category_id 9 is not among the categ"),
    "an image twice": (change(lambda known: known["images"].append(known["images"][0])), {}, "id 7 stands there twice"),
    "a picture twice": (change(lambda known: known["images"].append(known["images"][0] | {"id": 99})), {},
                        r"file_name 'test/cat/0.png' is in .*keypoints.json already; keep one"),
    "an extra picture": (change(lambda known: known["images"].append({"id": 99, "file_name": "test/cat/../9.png"})), {},
                         r"images\[18\].file_name 'test/cat/../9.png' is no picture there; write it"),
    "no keypoint names": (change(lambda known: known["categories"][0].pop("keypoints")), {}, "no category names keypo"),
    "nothing visible": (change(lambda known: [a.update(keypoints=[1] * 6) for a in known["annotations"]]), {},
                        "no keypoint is visible; mark visible ones with v = 2"),
    "a missing mask": (remove("part_masks/test/dog/1.png"), {}, "1 pictures .* no part mask, .*test/dog/1.png'; add"),
    "a mask from outside": (lambda root: ((root / "part_masks/test/dog/1.png").unlink(),
                                          (root / "part_masks/test/dog/1.png").symlink_to("/etc/passwd")), {},
                            "'part_masks/test/dog/1.png' leads outside .*; put a copy inside"),
    "a missing folder of masks": (lambda root: None, {"part_masks": "masks"}, "no folder .*masks; leave out part_m"),
    "other part names": (write("part_masks/parts.txt", "head\nleg\n"), {}, r"differ in \['leg', 'tail'\]; name"),
    "a part name twice": (write("part_masks/parts.txt", "head\nhead\n"), {}, "parts.txt names no part, or one twice"),
    "no part names": (write("part_masks/parts.txt", "\n"), {}, "parts.txt names no part, or one twice; write one"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_one_line_names_the_place_and_the_mend_for(broken, folder):
    breakage, options, message = BROKEN[broken]
    breakage(folder)
    with pytest.raises(UserError, match=message) as error:
        load(folder, **options)
    assert "\n" not in str(error.value)
    assert ";" in str(error.value)


BAD_MASKS = {
    "a value without a part": (mask(np.full((HEIGHT, WIDTH), 3)), "cat/0.png holds the value 3, but there are 2 parts"),
    "a colour": (lambda root: paint(root / "part_masks/train/cat/0.png"), "a colour picture where a mask is expected"),
    "half a file": (lambda root: os.truncate(root / "part_masks/train/cat/0.png", 50), "part_masks/train/cat/0.png: "),
    "another size": (mask(np.ones((HEIGHT + 1, WIDTH))), r"train/cat/0.png is 24x16 pixels, its mask 24x17; "),
}


@pytest.mark.parametrize("bad", BAD_MASKS)
def test_a_mask_is_named_that_has(bad, folder):
    breakage, message = BAD_MASKS[bad]
    breakage(folder)
    with pytest.raises(UserError, match=message):
        [sample for split in ("train", "val") for sample in load(folder)[split]]


def test_masks_that_hold_no_part_are_no_part_masks(folder):
    remove("keypoints.json", "part_masks/parts.txt")(folder)
    for path in (folder / "part_masks").rglob("*.png"):
        Image.new("L", (WIDTH, HEIGHT), 255).save(path)
    with pytest.raises(UserError, match=r"no map in .*part_masks holds a part; write value k where part k is"):
        load(folder)


def test_one_picture_of_a_class_cannot_be_split(single):
    paint(single / "yak/1.png")
    with pytest.raises(UserError, match=r"class 'yak' of .* holds one picture; add another"):
        load(single)


def test_listing_opens_no_picture(single, monkeypatch):
    for path in single.rglob("*.png"):
        path.chmod(0)
    monkeypatch.setattr("builtins.open", None)
    monkeypatch.setattr("io.open", None)
    assert sum(len(load(single)[split]) for split in ("train+val", "test")) == 30


def test_reading_an_image_folder_needs_no_torch(folder):
    code = (f"import sys; from partbench.datasets import image_folder; data = image_folder.read({str(folder)!r}); "
            "data['train'].labels, data.fingerprint; data['train'].check_images(); sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
