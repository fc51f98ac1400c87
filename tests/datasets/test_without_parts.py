"""Data sets with classes and no parts: what is in the official files is what comes out."""

import csv
import pickle
import subprocess
import sys

import numpy as np
import pytest

from partbench import datasets
from partbench.datasets.contract.check import check_dataset

NAMES = ("stanford_dogs", "stanford_cars", "flowers102", "food101", "birds525")


@pytest.fixture(scope="module")
def roots(tiny_layouts, tmp_path_factory):
    """Name -> folder; do not write into them."""
    folder = tmp_path_factory.mktemp("tiny")
    return {name: getattr(tiny_layouts, f"write_{name}")(folder / name) for name in NAMES}


def annotations(split):
    return [split.annotation(i) for i in range(len(split))]


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_holds(name, roots):
    data = datasets.load(name, root=roots[name])
    assert data.parts == []
    check_dataset(data, samples=2)
    assert pickle.loads(pickle.dumps(data)).fingerprint == datasets.registry.get(name).fingerprint_of(roots[name])


def test_reading_annotations_needs_no_torch(roots):
    folders = {name: str(root) for name, root in roots.items()}
    code = (f"import sys; from partbench import datasets; [datasets.load(n, root=r) for n, r in {folders!r}.items()]; "
            "sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_dog_has_the_first_box_of_its_annotation_and_the_breed_of_its_folder(roots):
    data = datasets.load("stanford_dogs", root=roots["stanford_dogs"])
    assert data.classes == ["Chihuahua", "Japanese_spaniel", "Shetland_sheepdog"]
    assert {split: len(data[split]) for split in ("train+val", "test")} == {"train+val": 9, "test": 6}
    for number, sample in enumerate(annotations(data["train+val"])):
        assert data.classes[sample.label] in sample.id
        assert sample.box == (number, 1, 20 - number, 14)


def test_a_car_has_a_box_from_its_first_to_its_last_pixel(roots):
    data = datasets.load("stanford_cars", root=roots["stanford_cars"])
    assert data.classes[0] == "Audi TT RS Coupe 2012"
    test = annotations(data["test"])
    assert [sample.id for sample in test][:2] == ["cars_test/00001.jpg", "cars_test/00002.jpg"]
    assert [sample.label for sample in test] == [0, 1, 2, 0, 1, 2]
    assert [sample.box for sample in test] == [(0, 1, 10 + i, 11) for i in range(6)]


def test_cars_may_have_the_test_annotations_beside_the_devkit(tiny_layouts, tmp_path, roots):
    root = tiny_layouts.write_stanford_cars(tmp_path / "cars")
    (root / "devkit/cars_test_annos_withlabels.mat").rename(root / "cars_test_annos_withlabels.mat")
    inside = datasets.load("stanford_cars", root=roots["stanford_cars"])
    assert datasets.load("stanford_cars", root=root)["test"].labels.tolist() == inside["test"].labels.tolist()


def test_flowers_keep_the_official_sets_and_names(roots):
    data = datasets.load("flowers102", root=roots["flowers102"])
    assert data.classes == ["pink primrose", "hard-leaved pocket orchid", "canterbury bells"]
    assert data["val"].ids == ["jpg/image_00004.jpg", "jpg/image_00005.jpg", "jpg/image_00006.jpg"]
    assert (len(data["train"]), len(data["test"])) == (3, 6)
    assert data["train"].labels.tolist() == [1, 2, 0]


def test_a_flower_is_what_the_segmentation_does_not_paint_blue(tiny_layouts, roots, tmp_path):
    sample = datasets.load("flowers102", root=roots["flowers102"])["test"][0]
    found = sample.object_mask.numpy()
    flower, surroundings = np.zeros((2, 16, 24), bool)
    flower[4:12, 6:18] = surroundings[2:14, 4:20] = True  # compression mixes colours up to two pixels away
    assert found[flower].all()
    assert not found[~surroundings].any()
    bare = tiny_layouts.write_flowers102(tmp_path / "flowers", segmentations=False)
    assert datasets.load("flowers102", root=bare)["test"][0].object_mask is None


def test_food_is_labelled_by_its_folder_and_boxed_by_the_whole_picture(roots):
    data = datasets.load("food101", root=roots["food101"])
    assert data.classes == ["apple_pie", "baby_back_ribs", "waffles"]
    assert len(data["test"]) == 6
    for sample in annotations(data["train+val"]):
        assert data.classes[sample.label] == sample.id.split("/")[1]
        assert sample.box == (0, 0, 24, 16)


def test_birds_come_from_the_folders_with_the_official_validation_set(roots):
    data = datasets.load("birds525", root=roots["birds525"])
    assert data.classes == ["ABBOTTS BABBLER", "ALBATROSS", "BARN OWL", "EASTERN GRASS OWL", "PARAKETT AKULET"]
    assert {split: len(data[split]) for split in ("train", "val", "test")} == {"train": 15, "val": 5, "test": 5}
    assert data["val"].ids[0] == "valid/ABBOTTS BABBLER/1.jpg"


def test_birds_of_a_genus_are_one_class_whatever_the_table_misspells(roots, tmp_path):
    data = datasets.load("birds525", root=roots["birds525"], labels="genus")
    assert data.classes == ["Aethia", "Diomedeidae", "Malacocincla", "Tyto"]
    assert data["test"].labels.tolist() == [2, 1, 3, 3, 0]


def test_a_bird_without_scientific_name_is_a_class_of_its_own(tiny_layouts, tmp_path):
    root = tiny_layouts.write_birds525(tmp_path / "birds")
    with open(root / "birds.csv", newline="") as file:
        rows = [row for row in csv.reader(file) if row[2] != "ALBATROSS"]
    with open(root / "birds.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    data = datasets.load("birds525", root=root, labels="genus")
    assert data.classes == ["ALBATROSS", "Aethia", "Malacocincla", "Tyto"]
    assert data["test"].labels.tolist() == [2, 0, 3, 3, 1]
