"""Reading NABirds: text ids, sparse classes in a hierarchy, 11 parts; and what is said of a broken folder."""

import shutil

import pytest

from partbench import datasets
from partbench.datasets.contract.check import check_dataset
from partbench.errors import UserError


@pytest.fixture(scope="module")
def nabirds(tiny_layouts, tmp_path_factory):
    """Do not write into it."""
    return tiny_layouts.write_nabirds(tmp_path_factory.mktemp("tiny") / "nabirds")


def test_samples_hold_exactly_what_the_files_say(nabirds, tiny_layouts):
    data = datasets.load("nabirds", root=nabirds)
    assert data.parts == tiny_layouts.NABIRDS_PARTS
    assert {split: len(data[split]) for split in ("train+val", "test")} == {"train+val": 12, "test": 8}
    for split in ("train+val", "test"):
        for sample in data[split]:
            i = int(sample.id[:18].replace("-", ""), 16) - 1
            assert sample.label == i // 5
            assert sample.box == (i % 5, 2, 12, 10)
            assert sample.visible.tolist() == [(i + p) % 3 != 0 for p in range(11)]
            for p in sample.visible.nonzero().flatten().tolist():
                assert sample.keypoints[p].tolist() == [p + 1, i % 16]


@pytest.mark.parametrize(("labels", "classes", "of_leaf"), [
    ("category", ["Mallard (Male)", "Mallard (Female)", "House Finch", "Song Sparrow"], [0, 1, 2, 3]),
    ("species", ["Mallard", "House Finch", "Song Sparrow"], [0, 0, 1, 2]),
    ("family", ["Ducks", "Finches", "Sparrows"], [0, 0, 1, 2]),
    ("order", ["Ducks", "Perching Birds"], [0, 0, 1, 1]),
])
def test_a_level_joins_the_leaves_below_its_nodes(labels, classes, of_leaf, nabirds):
    leaves = datasets.load("nabirds", root=nabirds)["test"]
    data = datasets.load("nabirds", root=nabirds, labels=labels)
    assert data.classes == classes
    assert data["test"].labels.tolist() == [of_leaf[leaf] for leaf in leaves.labels]


def test_the_contract_holds(nabirds):
    check_dataset(datasets.load("nabirds", root=nabirds, labels="species"), samples=2)


def append(name, row):
    def apply(root):
        with open(root / name, "a") as file:
            file.write(f"{row}\n")
    return apply


def replace(name, old, new):
    return lambda root: (root / name).write_text((root / name).read_text().replace(old, new, 1))


def without(name, start):
    def apply(root):
        rows = (root / name).read_text().splitlines(keepends=True)
        (root / name).write_text("".join(row for row in rows if not row.startswith(start)))
    return apply


UNKNOWN, THIRD = "ffffffff-0000-0000-0000-000000000000", "00000000-0000-0003-0000-000000000000"
BROKEN = {
    "a missing file": (lambda root: (root / "hierarchy.txt").unlink(), r"lacks hierarchy.txt; a complete NABirds"),
    "the folder above": (lambda root: (root.rename(root.parent / "n"), root.mkdir(),
                                       (root.parent / "n").rename(root / "nabirds")), r"give that one as --data-root"),
    "an extra row": (append("bounding_boxes.txt", f"{UNKNOWN} 1 1 5 5"),
                     rf"bounding_boxes.txt line 21: image {UNKNOWN} is not in images.txt"),
    "a row twice": (append("parts/part_locs.txt", f"{THIRD} 0 1 1 1"), r"part_locs.txt line 221: a second row"),
    "an image twice": (append("images.txt", f"{THIRD} other.jpg"), r"images.txt line 21: a second row"),
    "an image without label": (without("image_class_labels.txt", THIRD),
                               rf"images.txt line \d+: image {THIRD} has no row in image_class_labels.txt"),
    "an image id alone": (append("images.txt", UNKNOWN), r"images.txt line 21: no path after the id"),
    "a wrong class id": (replace("image_class_labels.txt", " 30", " 31"), r"line \d+: class 31 is not in classes.txt"),
    "a part that does not exist": (append("parts/part_locs.txt", f"{THIRD} 11 1 1 1"), r"part 11 is not in parts/"),
    "an image of an inner class": (replace("image_class_labels.txt", " 30", " 4"),
                                   r"classes.txt line 5: class 4 has images and, in hierarchy.txt, classes below it"),
    "an empty class": (lambda root: (append("classes.txt", "77 Dodo")(root), append("hierarchy.txt", "77 4")(root)),
                       r"classes.txt line 12: class 77 has no training image"),
    "a class outside the hierarchy": (without("hierarchy.txt", "41 "), r"class 41 has no row in hierarchy.txt"),
    "a parent that does not exist": (replace("hierarchy.txt", "41 5", "41 6"), r"hierarchy.txt line 10: class 6 is no"),
    "a class below itself": (replace("hierarchy.txt", "3 1", "3 10"), r"hierarchy.txt line \d+: class \d+ is below"),
    "a class with two parents": (append("hierarchy.txt", "41 4"), r"hierarchy.txt line 11: a second row"),
    "a hierarchy of words": (replace("hierarchy.txt", "41 5", "41 top"), r"line 10: parent is 'top'"),
    "a path that climbs out": (replace("images.txt", " 0030/", " ../0030/"), r"may lead outside images/"),
    "a missing picture": (lambda root: shutil.rmtree(root / "images/0030"), r"missing \(and 4 more\)"),
    "an empty list": (lambda root: (root / "images.txt").write_text(""), r"images.txt lists no image"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_one_line_names_file_and_mend_for(broken, nabirds, tmp_path):
    breakage, message = BROKEN[broken]
    root = shutil.copytree(nabirds, tmp_path / "nabirds")
    breakage(root)
    with pytest.raises(UserError, match=message) as error:
        datasets.load("nabirds", root=root)
    assert "\n" not in str(error.value)
    assert ";" in str(error.value)
