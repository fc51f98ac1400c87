"""Small folders in the official layouts and file formats of data sets; every function returns the folder it writes."""

from pathlib import Path
from uuid import UUID

import numpy as np
from PIL import Image
from scipy.io import savemat

SIZE = (24, 16)
NABIRDS_PARTS = ["bill", "crown", "nape", "left eye", "right eye", "belly", "breast", "back", "tail", "left wing",
                 "right wing"]
NABIRDS_CLASSES = {0: "Birds", 1: "Ducks", 2: "Perching Birds", 3: "Ducks", 4: "Finches", 5: "Sparrows", 10: "Mallard",
                   17: "Mallard (Male)", 23: "Mallard (Female)", 30: "House Finch", 41: "Song Sparrow"}
NABIRDS_PARENTS = {1: 0, 2: 0, 3: 1, 4: 2, 5: 2, 10: 3, 17: 10, 23: 10, 30: 4, 41: 5}
NABIRDS_LEAVES = (17, 23, 30, 41)
BREEDS = ("n02085620-Chihuahua", "n02085782-Japanese_spaniel", "n02105855-Shetland_sheepdog")
CARS = ("Audi TT RS Coupe 2012", "BMW M3 Coupe 2012", "Ford GT Coupe 2006")
DISHES = ("apple_pie", "baby_back_ribs", "waffles")
SPECIES = {"ABBOTTS BABBLER": "MALACOCINCLA ABBOTTI", "ALBATROSS": "DIOMEDEIDAE", "BARN OWL": "TYTO ALBA",
           "EASTERN GRASS OWL": "TYTO LONGIMEMBRIS", "PARAKETT  AKULET": "AETHIA PSITTACULA"}


def write_nabirds(root: Path) -> Path:
    """4 leaves of 3 training and 2 test pictures; rows are shuffled; part p of image i is hidden if 3 divides i + p."""
    tables = {name: [] for name in ("images", "image_class_labels", "train_test_split", "bounding_boxes", "sizes",
                                    "parts/part_locs")}
    for i in range(20):
        leaf, image = NABIRDS_LEAVES[i // 5], str(UUID(int=(i + 1) << 64))
        path = f"{leaf:04d}/{image.replace('-', '')}.jpg"
        _picture(root / "images" / path, i)
        for name, fields in (("images", path), ("image_class_labels", leaf), ("train_test_split", int(i % 5 < 3)),
                             ("bounding_boxes", f"{i % 5} 2 12 10"), ("sizes", "24 16")):
            tables[name].append(f"{image} {fields}")
        tables["parts/part_locs"] += [f"{image} {p} " + ("-1 -1 0" if (i + p) % 3 == 0 else f"{p + 1} {i % 16} 1")
                                      for p in range(11)]
    shuffle = np.random.default_rng(0).permutation
    tables = {name: list(shuffle(rows)) for name, rows in tables.items()}
    tables["parts/parts"] = [f"{p} {name}" for p, name in enumerate(NABIRDS_PARTS)]
    tables["classes"] = [f"{number} {name}" for number, name in NABIRDS_CLASSES.items()]
    tables["hierarchy"] = [f"{child} {parent}" for child, parent in NABIRDS_PARENTS.items()]
    for name, rows in tables.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.txt").write_text("\n".join(rows) + "\n")
    return root


def write_stanford_dogs(root: Path) -> Path:
    """3 breeds of 3 training and 2 test pictures; the first training picture of each shows two dogs."""
    for name, chosen in (("train", range(3)), ("test", range(3, 5))):
        pictures = [f"{breed}/{breed.partition('-')[0]}_{i}" for breed in BREEDS for i in chosen]
        for number, picture in enumerate(pictures):
            _picture(root / "Images" / f"{picture}.jpg", number)
            annotation = root / "Annotation" / picture
            annotation.parent.mkdir(parents=True, exist_ok=True)
            boxes = [(number, 1, 20, 15), (0, 0, 24, 16)][: 2 if picture.endswith("_0") else 1]
            annotation.write_text("<annotation>\n\t<folder>02085620</folder>\n" + "".join(map(_voc, boxes)) +
                                  "</annotation>\n")
        write_dog_list(root / f"{name}_list.mat", [f"{picture}.jpg" for picture in pictures],
                       [1 + BREEDS.index(picture.partition("/")[0]) for picture in pictures])
    return root


def write_dog_list(path: Path, files: list[str], labels: list[int], annotations: list[str] | None = None) -> None:
    """A list of Stanford Dogs: cell arrays [N, 1] of texts, and labels [N, 1] as doubles."""
    annotations = annotations or [file.removesuffix(".jpg") for file in files]
    savemat(path, {"file_list": _cells(files)[:, None], "annotation_list": _cells(annotations)[:, None],
                   "labels": np.array(labels, float)[:, None]}, do_compression=True)


def write_stanford_cars(root: Path) -> Path:
    """3 models, 9 training and 6 test pictures; picture i's box goes from pixel (1, 2) to (10 + i, 12), from 1."""
    for folder, count in (("cars_train", 9), ("cars_test", 6)):
        for i in range(count):
            _picture(root / folder / f"{i + 1:05d}.jpg", i)
    (root / "devkit").mkdir()
    savemat(root / "devkit/cars_meta.mat", {"class_names": _cells(CARS)[None]}, do_compression=True)
    write_cars(root / "devkit/cars_train_annos.mat", car_records(9))
    write_cars(root / "devkit/cars_test_annos_withlabels.mat", car_records(6))
    return root


def car_records(count: int) -> list[dict]:
    return [{"bbox_x1": 1, "bbox_y1": 2, "bbox_x2": 10 + i, "bbox_y2": 12, "class": 1 + i % 3,
             "fname": f"{i + 1:05d}.jpg"} for i in range(count)]


def write_cars(path: Path, records: list[dict]) -> None:
    """A struct array [1, N] with the keys of the records as fields; numbers are [1, 1] matrices of uint16."""
    array = np.zeros((1, len(records)), [(name, object) for name in records[0]])
    for i, record in enumerate(records):
        array[0, i] = tuple(np.uint16([[v]]) if isinstance(v, int) and v >= 0 else v for v in record.values())
    savemat(path, {"annotations": array}, do_compression=True)


def write_flowers102(root: Path, segmentations: bool = True) -> Path:
    """3 classes, picture i (from 1) of class 1 + i % 3; 3 training, 3 validation and 6 test pictures.

    The flower is the rectangle from (6, 4) to (18, 12), on JPEGs of the usual quality.
    """
    for i in range(1, 13):
        _picture(root / f"jpg/image_{i:05d}.jpg", i)
        if segmentations:
            segmented = np.tile(np.array([0, 0, 254], np.uint8), (16, 24, 1))
            segmented[4:12, 6:18] = (200, 40, 120)
            _save(root / f"segmim/segmim_{i:05d}.jpg", segmented, quality=75)
    savemat(root / "imagelabels.mat", {"labels": np.array([[1 + i % 3 for i in range(1, 13)]], np.uint8)})
    write_flower_sets(root / "setid.mat", range(1, 4), range(4, 7), range(7, 13))
    return root


def write_flower_sets(path: Path, train, val, test) -> None:
    savemat(path, {"trnid": np.array([train], np.uint16), "valid": np.array([val], np.uint16),
                   "tstid": np.array([test], np.uint16)}, do_compression=True)


def write_food101(root: Path) -> Path:
    """3 dishes of 3 training and 2 test pictures."""
    (root / "meta").mkdir(parents=True)
    (root / "meta/classes.txt").write_text("".join(f"{dish}\n" for dish in DISHES))
    for name, chosen in (("train", range(3)), ("test", range(3, 5))):
        entries = [f"{dish}/{1000 + 7 * i}" for dish in DISHES for i in chosen]
        for number, entry in enumerate(entries):
            _picture(root / "images" / f"{entry}.jpg", number)
        (root / f"meta/{name}.txt").write_text("\n".join(entries))  # as distributed: no line end at the end
    return root


def write_birds525(root: Path) -> Path:
    """5 species of 3 training, 1 validation and 1 test pictures; one folder is spelled otherwise in birds.csv."""
    rows = ["class id,filepaths,labels,data set,scientific name"]
    for label, (species, latin) in enumerate(SPECIES.items()):
        for folder, count in (("train", 3), ("valid", 1), ("test", 1)):
            for i in range(1, count + 1):
                _picture(root / folder / species / (f"{i:03d}.jpg" if folder == "train" else f"{i}.jpg"), label)
                spelled = species.replace("  AKULET", "  AUKLET")
                rows.append(f"{label}.0,{folder}/{spelled}/{i}.jpg,{species},{folder},{latin}")
    (root / "birds.csv").write_text("\n".join(rows) + "\n")
    return root


def _voc(box: tuple[int, int, int, int]) -> str:
    corners = "".join(f"<{side}>{v}</{side}>" for side, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"\t<object>\n\t\t<name>dog</name>\n\t\t<bndbox>{corners}</bndbox>\n\t</object>\n"


def _cells(texts) -> np.ndarray:
    cells = np.empty(len(texts), object)
    cells[:] = list(texts)
    return cells


def _picture(path: Path, seed: int) -> None:
    _save(path, np.random.default_rng(seed).integers(0, 255, (*SIZE[::-1], 3), np.uint8), quality=90)


def _save(path: Path, pixels: np.ndarray, quality: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=quality)
