"""Reading CUB-200-2011: what is in the files is what comes out."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from partbench import datasets
from partbench.datasets.base import held_out
from partbench.errors import UserError


def rows(path):
    return [line.split() for line in path.read_text().splitlines()]


def test_samples_hold_exactly_what_the_files_say(tiny_cub):
    data = datasets.load("cub", root=tiny_cub)
    boxes = {row[0]: [float(v) for v in row[1:]] for row in rows(tiny_cub / "bounding_boxes.txt")}
    parts = {(row[0], int(row[1])): row[2:] for row in rows(tiny_cub / "parts/part_locs.txt")}
    for split in ("train+val", "test"):
        for i in range(len(data[split])):
            sample = data[split][i]
            assert sample.image.shape == (3, 80, 96)
            assert sample.image.dtype == torch.uint8
            assert list(sample.box) == boxes[sample.id]
            for p in range(15):
                x, y, visible = parts[sample.id, p + 1]
                assert sample.keypoints[p].tolist() == pytest.approx([float(x), float(y)])
                assert sample.visible[p] == (visible == "1")


def test_labels_and_parts_are_numbered_by_sorted_id_and_keep_their_names(tiny_cub):
    data = datasets.load("cub", root=tiny_cub)
    assert data.classes == ["005.Colour_0", "012.Colour_1", "019.Colour_2"]
    assert data.parts[6:8] == ["left eye", "left leg"]
    label = {row[0]: (int(row[1]) - 5) // 7 for row in rows(tiny_cub / "image_class_labels.txt")}
    test = data["test"]
    assert test.labels.tolist() == [label[i] for i in test.ids] == [test[i].label for i in range(len(test))]


def test_images_keep_the_order_of_the_file(tiny_cub):
    order = [row[0] for row in rows(tiny_cub / "images.txt")]
    ids = datasets.load("cub", root=tiny_cub)["train+val"].ids
    assert ids == [i for i in order if i in set(ids)]


def test_an_annotation_is_the_sample_without_pixels(tiny_cub):
    split = datasets.load("cub", root=tiny_cub)["test"]
    bare, full = split.annotation(2), split[2]
    assert bare.image is None
    assert (bare.id, bare.label, bare.box) == (full.id, full.label, full.box)
    assert torch.equal(bare.keypoints, full.keypoints)


def test_segmentations_come_where_they_are_and_training_may_skip_them(write_tiny_cub, tiny_cub, tmp_path):
    root = write_tiny_cub(tmp_path, segmentations=True)
    split = datasets.load("cub", root=root)["train"]
    _, _, width, height = split[0].box
    share = split[0].object_mask.float().sum().item() / (width * height)
    assert share == pytest.approx(np.pi / 4, abs=0.02)  # an ellipse in its box
    assert split.read(0, masks=False).object_mask is None
    assert datasets.load("cub", root=tiny_cub)["train"][0].object_mask is None


def test_splits_are_disjoint_and_val_holds_one_in_ten_of_each_class_at_least_one(tiny_cub):
    data = datasets.load("cub", root=tiny_cub)
    train, val, test = (set(data[split].ids) for split in ("train", "val", "test"))
    assert not train & val
    assert not (train | val) & test
    assert train | val == set(data["train+val"].ids)
    assert np.bincount(data["val"].labels).tolist() == [1, 1, 1]
    labels = np.repeat([0, 1, 2], [40, 30, 1])
    held = held_out([str(i) for i in range(71)], labels, np.ones(71, bool))
    assert [held[labels == c].sum() for c in range(3)] == [4, 3, 0]


def test_val_depends_on_ids_alone_not_on_their_order():
    ids = [str(i) for i in range(60)]
    labels = np.arange(60) % 3
    order = np.random.default_rng(0).permutation(60)
    held = held_out(ids, labels, np.ones(60, bool))
    assert (held_out([ids[i] for i in order], labels[order], np.ones(60, bool)) == held[order]).all()


def test_the_fingerprint_changes_with_an_annotation_or_a_picture_and_not_with_the_place(write_tiny_cub, tmp_path):
    card = datasets.registry.get("cub")
    first, second = write_tiny_cub(tmp_path / "a"), write_tiny_cub(tmp_path / "b")
    before = card.fingerprint_of(first)
    assert before == card.fingerprint_of(second) == datasets.load("cub", root=first).fingerprint
    picture = next((first / "images").rglob("*.jpg"))
    picture.write_bytes(picture.read_bytes() + b"\0")
    assert card.fingerprint_of(first) != before
    boxes = second / "bounding_boxes.txt"
    boxes.write_text(boxes.read_text() + "\n")
    assert card.fingerprint_of(second) != before


def test_a_data_set_survives_pickling_and_another_working_directory(tiny_cub, monkeypatch, tmp_path):
    monkeypatch.chdir(tiny_cub.parent)
    data = datasets.load("cub", root=tiny_cub.name)
    monkeypatch.chdir(tmp_path)
    again = pickle.loads(pickle.dumps(data))
    assert again.fingerprint == data.fingerprint
    assert torch.equal(again["val"][0].image, data["val"][0].image)


def test_reading_annotations_needs_no_torch(tiny_cub):
    code = (f"import sys; from partbench import datasets; data = datasets.load('cub', root={str(tiny_cub)!r}); "
            "data['train'].labels, data['train'].ids, data.fingerprint; data['train'].check_images(); "
            "sys.exit('torch' in sys.modules or 'pandas' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_root_is_found_by_environment_variable_or_beside_the_user(tiny_cub, monkeypatch, tmp_path):
    monkeypatch.setenv("PARTBENCH_DATA", str(tiny_cub.parent))
    assert len(datasets.load("cub")["test"]) == 9
    monkeypatch.delenv("PARTBENCH_DATA")
    assert str(datasets.registry.get("cub").folder()) == os.path.join("data", "cub")


def test_unknown_names_are_answered_with_the_nearest(tiny_cub):
    with pytest.raises(UserError, match="did you mean 'cub'"):
        datasets.load("cup", root=tiny_cub)
    with pytest.raises(UserError, match="unknown option of cub 'crop'"):
        datasets.load("cub", root=tiny_cub, crop=True)
    with pytest.raises(UserError, match="did you mean 'train'"):
        datasets.load("cub", root=tiny_cub)["trian"]


@pytest.mark.slow
@pytest.mark.skipif("PARTBENCH_TEST_CUB" not in os.environ, reason="PARTBENCH_TEST_CUB names no CUB folder")
def test_forty_real_classes_have_1200_training_and_1090_test_pictures():
    data = datasets.load("cub", root=os.environ["PARTBENCH_TEST_CUB"])
    if len(data.classes) != 40:
        pytest.skip("another selection of classes")
    counts = {split: len(data[split]) for split in ("train", "val", "train+val", "test")}
    assert counts == {"train": 1080, "val": 120, "train+val": 1200, "test": 1090}
    assert len(data.parts) == 15
    for split in ("train+val", "test"):
        data[split].check_images()
    sample = datasets.view("full", 224)(data["val"][0])
    assert sample.image.shape == (3, 224, 224)
