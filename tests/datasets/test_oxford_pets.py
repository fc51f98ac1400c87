"""Oxford-IIIT Pet in its official layout, and with one thing broken at a time."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from partbench import datasets
from partbench.errors import UserError

BREEDS = {"Abyssinian": (1, 1, 1), "Bombay": (8, 1, 5), "american_bulldog": (2, 2, 1)}
XML = """<annotation><folder>OXIIIT</folder><filename>{0}.jpg</filename><size><width>60</width><height>40</height>
<depth>3</depth></size><object><name>cat</name><bndbox><xmin>11</xmin><ymin>6</ymin><xmax>20</xmax><ymax>15</ymax></bndbox>
</object></annotation>"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path / "cache"))


def write_tiny_pets(root):
    """3 breeds of 4 training and 2 test pictures, 60 x 40; the animal fills x 5 to 35, y 4 to 28 of each."""
    for folder in ("images", "annotations/trimaps", "annotations/xmls"):
        (root / folder).mkdir(parents=True)
    random = np.random.default_rng(0)
    trimap = np.full((40, 60), 2, np.uint8)
    trimap[4:28, 5:35] = 3
    trimap[5:27, 6:34] = 1
    lists = {"trainval": [], "test": []}
    for breed, numbers in BREEDS.items():
        for i in range(1, 7):
            name = f"{breed}_{i}"
            Image.fromarray(random.integers(0, 255, (40, 60, 3), np.uint8)).save(root / f"images/{name}.jpg")
            Image.fromarray(trimap).save(root / f"annotations/trimaps/{name}.png")
            lists["trainval" if i < 5 else "test"].append(f"{name} {' '.join(map(str, numbers))}")
            if i < 4:
                (root / f"annotations/xmls/{name}.xml").write_text(XML.format(name))
    for name, rows in lists.items():
        (root / f"annotations/{name}.txt").write_text("\n".join(rows) + "\n")
    # What lies about in the official archives.
    (root / "annotations/trimaps/._Abyssinian_1.png").write_bytes(b"\0\5\26\7")
    (root / "images/Abyssinian_1.mat").write_bytes(b"MATLAB")
    (root / "annotations/list.txt").write_text("#Image CLASS-ID SPECIES BREED ID\n")
    return root


@pytest.fixture
def root(tmp_path):
    return write_tiny_pets(tmp_path / "pets")


def test_samples_hold_the_animal_its_box_and_where_annotated_its_head(root):
    data = datasets.load("oxford_pets", root=root)
    assert data.classes == ["Abyssinian", "american_bulldog", "Bombay"]
    assert data.parts == ["head"]
    assert {split: len(data[split]) for split in ("train", "val", "test")} == {"train": 9, "val": 3, "test": 6}
    sample = next(data["train+val"][i] for i in range(12) if data["train+val"].ids[i] == "Bombay_2")
    assert sample.label == 2
    assert sample.box == (5, 4, 30, 24)
    assert sample.keypoints.tolist() == [[15.5, 10.5]]
    assert sample.visible.tolist() == [True]
    assert sample.part_masks is None
    expected = torch.zeros(40, 60, dtype=torch.bool)
    expected[4:28, 5:35] = True
    assert torch.equal(sample.object_mask, expected)
    assert not any(data["test"][i].visible.any() for i in range(6))


def test_species_and_head_boxes_are_options(root):
    data = datasets.load("oxford_pets", root=root, labels="species", box="head")
    assert data.classes == ["cat", "dog"]
    both = data["train+val"]
    boxes = {both.ids[i]: both[i].box for i in range(len(both))}
    assert boxes["Abyssinian_1"] == (11, 6, 9, 9)
    assert boxes["Abyssinian_4"] == (5, 4, 30, 24)
    with pytest.raises(UserError, match=r"oxford_pets.labels='colour'"):
        datasets.load("oxford_pets", root=root, labels="colour")


def test_it_passes_the_contract_and_is_read_without_torch(root):
    datasets.check_dataset(datasets.load("oxford_pets", root=root))
    code = (f"import sys; from partbench import datasets; datasets.load('oxford_pets', root={str(root)!r}); "
            "sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_fingerprint_knows_lists_heads_trimaps_and_pictures_but_not_the_place(root, tmp_path):
    card = datasets.registry.get("oxford_pets")
    before = card.fingerprint_of(root)
    assert before == card.fingerprint_of(shutil.copytree(root, tmp_path / "b")) \
        == datasets.load("oxford_pets", root=root).fingerprint
    seen = {before}
    for name in ("images/Bombay_1.jpg", "annotations/trimaps/Bombay_1.png", "annotations/test.txt",
                 "annotations/xmls/Bombay_1.xml"):
        (root / name).write_bytes((root / name).read_bytes() + b"\n")
        seen.add(card.fingerprint_of(root))
    assert len(seen) == 5


def write(name, content):
    return lambda root: (root / "annotations" / name).write_text(content)


def add(name, row):
    def apply(root):
        with open(root / "annotations" / name, "a") as file:
            file.write(row + "\n")
    return apply


def edit(name, change):
    """Change every row of a list; an empty one is dropped."""
    def apply(root):
        path = root / "annotations" / name
        rows = [change(row) for row in path.read_text().splitlines()]
        path.write_text("".join(f"{row}\n" for row in rows if row))
    return apply


HEAD = "xmls/Bombay_1.xml"
BROKEN = {
    "a missing list": (lambda root: (root / "annotations/test.txt").unlink(), r"lacks annotations/test.txt; a comp"),
    "a missing folder": (lambda root: shutil.rmtree(root / "annotations/xmls"), r"lacks annotations/xmls"),
    "a folder for a list": (lambda root: ((root / "annotations/test.txt").unlink(),
                                          (root / "annotations/test.txt").mkdir()), r"test.txt cannot be read"),
    "a missing picture": (lambda root: (root / "images/Bombay_2.jpg").unlink(), r"image .*Bombay_2.jpg: missing;"),
    "a missing trimap": (lambda root: (root / "annotations/trimaps/Bombay_2.png").unlink(), r"Bombay_2.png: missing;"),
    "an extra row": (add("test.txt", "Bombay_9 8 1 5"), r"Bombay_9.jpg: missing \(and 1 more\)"),
    "a row too short": (add("test.txt", "Bombay_9 8 1"), r"test.txt line 7: 3 fields instead of 4"),
    "a picture twice": (add("test.txt", "Bombay_1 8 1 5"), r"image Bombay_1 is listed twice"),
    "another class's number": (edit("test.txt", lambda row: row.replace("Bombay_6 8", "Bombay_6 1")),
                               r"test.txt line 4: class 1 is Bombay here and Abyssinian before"),
    "a class that is a word": (add("test.txt", "Bombay_9 x 1 5"), r"test.txt line 7: a class, species or breed that"),
    "a path that climbs out": (add("test.txt", "../x_1 8 1 5"), r"test.txt line 7: path '../x_1' may lead outside"),
    "a class without training picture": (edit("trainval.txt", lambda row: row if "Bombay" not in row else ""),
                                         r"class 'Bombay' has no training image"),
    "no test picture": (write("test.txt", ""), r"leaves no test image"),
    "no picture": (lambda root: [write(f"{name}.txt", "\n")(root) for name in ("test", "trainval")], r"no picture"),
    "garbage": (lambda root: (root / "annotations/test.txt").write_bytes(b"a\n\xff"), r"test.txt line 2: not UTF-8"),
    "a head without corner": (write(HEAD, XML.format("x").replace("xmax", "xmux")), r"Bombay_1.xml: .*box"),
    "a head with nan": (write(HEAD, XML.format("x").replace(">20<", ">nan<")), r"Bombay_1.xml: .*box"),
    "a head inside out": (write(HEAD, XML.format("x").replace(">20<", ">2<")), r"Bombay_1.xml: .*box"),
    "no XML": (write(HEAD, "<annotation>"), r"Bombay_1.xml is no XML"),
    "an entity": (write(HEAD, '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), r"Bombay_1.xml declares a document type"),
    "a torn trimap": (lambda root: (root / "annotations/trimaps/Bombay_2.png").write_bytes(b"\x89PNG\r\n\x1a\nxx"),
                      r"Bombay_2.png: (damaged|not a picture)"),
    "a trimap with other values": (lambda root: Image.fromarray(np.full((40, 60), 200, np.uint8)).save(
        root / "annotations/trimaps/Bombay_2.png"), r"Bombay_2.png holds 200 to 200, a trimap 1, 2 and 3"),
    "the folder above": (lambda root: (root.rename(root.parent / "oxford-iiit-pet"), root.mkdir(),
                                       (root.parent / "oxford-iiit-pet").rename(root / "oxford-iiit-pet")),
                         r"oxford-iiit-pet does; give that one"),
    "no folder": (shutil.rmtree, r"no Oxford-IIIT Pet at .*no such folder; give its folder"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_one_line_names_file_and_mend_for(broken, root):
    breakage, message = BROKEN[broken]
    breakage(root)
    with pytest.raises(UserError, match=message) as error:
        datasets.load("oxford_pets", root=root)
    assert "\n" not in str(error.value)
    assert ";" in str(error.value)


def test_a_head_file_without_object_counts_as_no_head_and_a_trimap_without_animal_gives_the_whole_picture(root):
    write(HEAD, "<annotation></annotation>")(root)
    Image.fromarray(np.full((40, 60), 2, np.uint8)).save(root / "annotations/trimaps/Bombay_1.png")
    data = datasets.load("oxford_pets", root=root)["train+val"]
    sample = data[data.ids.index("Bombay_1")]
    assert not sample.visible.any()
    assert sample.box == (0, 0, 60, 40)


def test_a_torn_picture_and_a_mask_of_another_size_are_refused_by_name(root):
    (root / "images/Bombay_1.jpg").write_bytes((root / "images/Bombay_1.jpg").read_bytes()[:300])
    Image.fromarray(np.ones((30, 60), np.uint8)).save(root / "annotations/trimaps/Bombay_2.png")
    data = datasets.load("oxford_pets", root=root)["train+val"]
    with pytest.raises(UserError, match=r"Bombay_1.jpg: damaged"):
        data[data.ids.index("Bombay_1")]
    with pytest.raises(UserError, match=r"Bombay_2.jpg is 60x40 pixels, its mask 60x30"):
        data[data.ids.index("Bombay_2")]
