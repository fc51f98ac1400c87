"""Broken folders of data sets without parts: one line that names file, entry and mend; one broken thing at a time."""

import shutil

import pytest
from PIL import Image

from partbench import datasets
from partbench.errors import UserError


@pytest.fixture(scope="module")
def whole(tiny_layouts, tmp_path_factory):
    """Name -> a good folder, written once and copied for each breakage."""
    folder, written = tmp_path_factory.mktemp("whole"), {}

    def of(name):
        if name not in written:
            written[name] = getattr(tiny_layouts, f"write_{name}")(folder / name)
        return written[name]
    return of


def gone(name):
    return lambda root, write: shutil.rmtree(root / name) if (root / name).is_dir() else (root / name).unlink()


def text(name, old, new):
    return lambda root, write: (root / name).write_text((root / name).read_text().replace(old, new, 1))


def append(name, rows):
    return lambda root, write: (root / name).write_text((root / name).read_text() + rows)


def content(name, value):
    return lambda root, write: (root / name).write_bytes(value)


def cut(name):
    return lambda root, write: (root / name).write_bytes((root / name).read_bytes()[:200])


def dogs(files, labels, annotations=None):
    """train_list.mat with other entries."""
    return lambda root, write: write.write_dog_list(root / "train_list.mat", files, labels, annotations)


def cars(**changed):
    """The second of the test annotations, changed."""
    def apply(root, write):
        records = write.car_records(6)
        records[1] |= changed
        write.write_cars(root / "devkit/cars_test_annos_withlabels.mat", records)
    return apply


def unlabelled(root, write):
    records = [{key: v for key, v in record.items() if key != "class"} for record in write.car_records(6)]
    write.write_cars(root / "devkit/cars_test_annos_withlabels.mat", records)


def flowers(train, val=range(4, 7), test=range(7, 13)):
    return lambda root, write: write.write_flower_sets(root / "setid.mat", train, val, test)


def moved(old, new):
    return lambda root, write: (root / old).rename(root / new)


C0, J0, S0 = (f"{breed}/{breed.partition('-')[0]}_0.jpg" for breed in
              ("n02085620-Chihuahua", "n02085782-Japanese_spaniel", "n02105855-Shetland_sheepdog"))
DOG = f"Annotation/{C0.removesuffix('.jpg')}"
BROKEN = {
    ("stanford_dogs", "a missing list"): (gone("test_list.mat"), r"lacks test_list.mat; a complete Stanford Dogs"),
    ("stanford_dogs", "a missing annotation"): (gone(DOG), r"n02085620_0 is missing"),
    ("stanford_dogs", "a missing picture"): (gone(f"Images/{C0}"), r"n02085620_0.jpg: missing"),
    ("stanford_dogs", "a torn list"): (cut("train_list.mat"), r"no MATLAB 5 file, or damaged \(.*\); take it"),
    ("stanford_dogs", "a list of another kind"): (content("train_list.mat", b"PK\3\4"), r"list.mat is no MATLAB 5"),
    ("stanford_dogs", "a picture twice"): (dogs([C0, J0, S0, C0], [1, 2, 3, 1]), r"file_list\(4\): .* a second time"),
    ("stanford_dogs", "a label too few"): (dogs([C0, J0, S0], [1, 2]), r"3 entries in file_list, 2 in labels"),
    ("stanford_dogs", "a wrong label"): (dogs([C0, J0, S0], [1, 2, 2]), r"labels\(3\): 2 for 'n02105855"),
    ("stanford_dogs", "a label that is no number"): (dogs([C0, J0, S0], [1, 2, float("nan")]),
                                                     r"labels\(3\): the entry is no whole number"),
    ("stanford_dogs", "an empty class"): (dogs([C0, J0], [1, 2]), r"class 'Shetland_sheepdog' has no training image"),
    ("stanford_dogs", "a path that climbs out"): (dogs(["../a-b/c.jpg"], [1]), r"file_list\(1\): '../a-b/c.jpg' is"),
    ("stanford_dogs", "another's annotation"): (dogs([C0, J0, S0], [1, 2, 3], ["x", "y", "z"]),
                                                r"annotation_list\(1\): 'x' is not the annotation of"),
    ("stanford_dogs", "no box"): (content(DOG, b"<annotation/>"), r"n02085620_0 holds no box"),
    ("stanford_dogs", "no XML"): (text(DOG, "</annotation>", ""), r"n02085620_0 is no XML"),
    ("stanford_dogs", "entities"): (text(DOG, "<annotation>", '<!DOCTYPE a [<!ENTITY b "c">]>\n<annotation>'),
                                    r"declares a document type"),
    ("stanford_dogs", "a box with a word"): (text(DOG, "<xmin>0<", "<xmin>left<"), r"xmin of a box is 'left'"),
    ("stanford_dogs", "a box with nan"): (text(DOG, "<xmin>0<", "<xmin>nan<"), r"a box from \(nan, 1\)"),
    ("stanford_dogs", "a box inside out"): (text(DOG, "<xmin>0<", "<xmin>30<"), r"from \(30, 1\) to \(20, 15\) holds"),
    ("stanford_cars", "a missing file"): (gone("devkit/cars_test_annos_withlabels.mat"),
                                          r"cars_test_annos_withlabels.mat is missing"),
    ("stanford_cars", "a missing picture"): (gone("cars_test/00002.jpg"), r"cars_test/00002.jpg: missing"),
    ("stanford_cars", "annotations without labels"): (unlabelled, r"annotations has no field class"),
    ("stanford_cars", "a wrong class"): (cars(**{"class": 4}), r"annotations\(2\): class is 4; .* classes 1 to 3"),
    ("stanford_cars", "a class that is a text"): (cars(**{"class": "4"}), r"annotations\(2\): class is no whole"),
    ("stanford_cars", "an entry twice"): (cars(fname="00001.jpg"), r"annotations\(2\): a second entry for '00001"),
    ("stanford_cars", "a path that climbs out"): (cars(fname="../a.jpg"), r"annotations\(2\): fname '../a.jpg' may"),
    ("stanford_cars", "a box without pixel"): (cars(bbox_x2=0), r"annotations\(2\): a box from \(1, 2\) to \(0, 12\)"),
    ("stanford_cars", "an empty class"): (
        lambda root, write: write.write_cars(root / "devkit/cars_train_annos.mat", write.car_records(2)),
        r"class 'Ford GT Coupe 2006' has no training image"),
    ("flowers102", "a missing file"): (gone("setid.mat"), r"lacks setid.mat"),
    ("flowers102", "a missing segmentation"): (gone("segmim/segmim_00003.jpg"), r"segmim_00003.jpg: missing"),
    ("flowers102", "a torn file"): (cut("setid.mat"), r"setid.mat is no MATLAB 5 file, or damaged"),
    ("flowers102", "a picture too many"): (flowers([1, 2, 3, 13]), r"trnid\(4\): picture 13 does not exist"),
    ("flowers102", "a picture in two sets"): (flowers([1, 2, 3, 4]), r"valid\(1\): picture 4 is in trnid already"),
    ("flowers102", "a picture in no set"): (flowers([1, 2]), r"picture 3 is in none of trnid, valid, tstid"),
    ("flowers102", "an empty class"): (flowers([1, 2], test=[3, *range(7, 13)]),
                                       r"class 'pink primrose' has no training image"),
    ("flowers102", "no test picture"): (flowers(range(1, 10), range(10, 13), []), r"leaves no test image"),
    ("food101", "a missing file"): (gone("meta/test.txt"), r"lacks meta/test.txt"),
    ("food101", "a missing picture"): (gone("images/waffles"), r"missing \(and 4 more\)"),
    ("food101", "an extra row"): (append("meta/test.txt", "\nwaffles/1000\n"), r"test.txt line 7: .* is in meta/train"),
    ("food101", "a row twice"): (append("meta/test.txt", "\nwaffles/1021\n"), r"test.txt line 7: a second row for"),
    ("food101", "an unknown class"): (text("meta/train.txt", "waffles", "ramen"), r"line 7: class 'ramen' is not in"),
    ("food101", "no class"): (text("meta/train.txt", "waffles/", ""), r"train.txt line 7: '1000' is not <class>/"),
    ("food101", "a path that climbs out"): (text("meta/train.txt", "waffles/1000", "waffles/.."), r"line 7: .* is not"),
    ("food101", "an empty class"): (append("meta/classes.txt", "ramen\n"), r"class 'ramen' has no training image"),
    ("food101", "an empty file"): (content("meta/train.txt", b"\n"), r"train.txt is empty"),
    ("birds525", "a missing folder"): (gone("valid"), r"lacks valid"),
    ("birds525", "an empty class"): (gone("test/ALBATROSS/1.jpg"), r"test: species 'ALBATROSS' has no picture"),
    ("birds525", "a class that is missing"): (gone("test/ALBATROSS"), r"test: species 'ALBATROSS' has no picture"),
    ("birds525", "an unknown class"): (moved("test/ALBATROSS", "test/DODO"), r"test: species 'DODO' is not in train/"),
    ("birds525", "a class spelled twice"): (
        lambda root, write: shutil.copytree(root / "train/BARN OWL", root / "train/BARN  OWL"), r"two folders for 'BA"),
    ("birds525", "a name that is no text"): (moved("train/ALBATROSS/001.jpg", "train/ALBATROSS/\udcff.jpg"),
                                             r"file name b'.*\\xff.jpg' is not UTF-8 text"),
    ("birds525", "a picture in no class"): (moved("test/ALBATROSS/1.jpg", "test/1.jpg"), r"1.jpg is in no species'"),
}
TABLE = {
    "a missing table": (gone("birds.csv"), r"birds.csv cannot be read \(No such file"),
    "a table without the column": (text("birds.csv", "scientific name", "name"), r"has no column 'scientific name'"),
    "a table that is no text": (content("birds.csv", b"\xff\xfe\0"), r"birds.csv is no CSV file"),
}


@pytest.mark.parametrize(("name", "broken"), BROKEN)
def test_one_line_names_file_and_mend_for(name, broken, whole, tiny_layouts, tmp_path):
    breakage, message = BROKEN[name, broken]
    check(name, breakage, message, shutil.copytree(whole(name), tmp_path / name), tiny_layouts)


@pytest.mark.parametrize("broken", TABLE)
def test_the_table_of_birds_matters_for_the_genus_alone(broken, whole, tiny_layouts, tmp_path):
    breakage, message = TABLE[broken]
    root = shutil.copytree(whole("birds525"), tmp_path / "birds525")
    check("birds525", breakage, message, root, tiny_layouts, labels="genus")
    assert len(datasets.load("birds525", root=root).classes) == 5


def check(name, breakage, message, root, write, **options):
    breakage(root, write)
    with pytest.raises(UserError, match=message) as error:
        datasets.load(name, root=root, **options)
    assert "\n" not in str(error.value)
    assert ";" in str(error.value)


@pytest.mark.parametrize("name", ["stanford_dogs", "stanford_cars", "flowers102", "food101", "birds525"])
def test_a_torn_picture_is_named_before_training(name, whole, tmp_path):
    root = shutil.copytree(whole(name), tmp_path / name)
    split = datasets.load(name, root=root)["test"]
    with open(split.images[1], "r+b") as file:
        file.truncate(400)
    with pytest.raises(UserError, match=f"{split.ids[1]}: damaged"):
        split.check_images()
    with pytest.raises(UserError, match=f"{split.ids[1]}: damaged"):
        split[1]


def test_a_mask_of_another_size_is_refused_by_name(whole, tiny_layouts, tmp_path):
    root = shutil.copytree(whole("flowers102"), tmp_path / "flowers")
    with Image.open(root / "segmim/segmim_00007.jpg") as mask:
        wide = mask.resize((30, 16))
    wide.save(root / "segmim/segmim_00007.jpg")
    with pytest.raises(UserError, match=r"image_00007.jpg is 24x16 pixels, its mask 30x16"):
        datasets.load("flowers102", root=root)["test"][0]
