"""Broken folders: one line that names the file, the line and the mend; one broken thing at a time."""

import shutil

import pytest

from partbench import datasets
from partbench.errors import UserError


@pytest.fixture
def folder(tiny_cub, tmp_path):
    return shutil.copytree(tiny_cub, tmp_path / "cub")


def edit(name, line, change):
    """Change the fields of one line (counted from 1) of a file."""
    def apply(root):
        path = root / name
        lines = path.read_text().splitlines()
        lines[line - 1] = " ".join(change(lines[line - 1].split(" ")))
        path.write_text("\n".join(lines) + "\n")
    return apply


def append(name, *rows):
    def apply(root):
        with open(root / name, "a") as file:
            file.write("".join(row + "\n" for row in rows))
    return apply


def drop(name, line):
    def apply(root):
        path = root / name
        lines = path.read_text().splitlines()
        path.write_text("\n".join(lines[:line - 1] + lines[line:]) + "\n")
    return apply


def rewrite(name, change):
    return lambda root: (root / name).write_text(change((root / name).read_text()))


def column(index, value):
    return lambda fields: [*fields[:index], value, *fields[index + 1:]]


def everything(value):
    return lambda text: "".join(f"{line.split()[0]} {value}\n" for line in text.splitlines())


def without(image):
    return lambda text: "".join(line + "\n" for line in text.splitlines() if line.split()[0] != image)


SPLIT, LABELS, BOXES, LOCS = ("train_test_split.txt", "image_class_labels.txt", "bounding_boxes.txt",
                              "parts/part_locs.txt")
BROKEN = {
    "a box with a word": (edit(BOXES, 4, column(2, "wide")), r"bounding_boxes.txt line 4: y is 'wide'"),
    "a box with nan": (edit(BOXES, 4, column(1, "nan")), r"bounding_boxes.txt line 4: x is 'nan'"),
    "an infinite location": (edit(LOCS, 9, column(2, "1e999")), r"part_locs.txt line 9: x is '1e999'"),
    "a row too short": (edit(LOCS, 7, lambda f: f[:-1]), r"part_locs.txt line 7: 4 fields instead of 5"),
    "a row too long": (edit(SPLIT, 3, lambda f: [*f, "1"]), r"train_test_split.txt line 3: 3 fields instead of 2"),
    "a box without width": (edit(BOXES, 2, column(3, "0.0")), r"bounding_boxes.txt line 2: the box is 0 wide"),
    "a box of negative height": (edit(BOXES, 2, column(4, "-3")), r"bounding_boxes.txt line 2: .* -3 high"),
    "an image id that is no number": (edit("images.txt", 5, column(0, "x3")), r"images.txt line 5: 'x3' is not an id"),
    "a fractional id": (edit(LABELS, 5, column(0, "3.5")), r"labels.txt line 5: image is 3.5; write a whole number"),
    "an image without path": (edit("images.txt", 5, lambda f: f[:1]), r"images.txt line 5: no path after the id"),
    "an image without label": (rewrite(LABELS, without("10")), r"images.txt line \d+: image 10 has no row in .*labels"),
    "an image without split": (rewrite(SPLIT, without("10")), r"images.txt line \d+: image 10 has no row in train_"),
    "an image without box": (rewrite(BOXES, without("10")), r"images.txt line \d+: image 10 has no row in bounding"),
    "an image without parts": (rewrite(LOCS, without("10")), r"images.txt line \d+: image 10 has no row in parts/"),
    "a label of an unknown image": (append(LABELS, "4 5"), r"labels.txt line 22: image 4 is not in images.txt"),
    "a box of an unknown image": (append(BOXES, "4 1 1 9 9"), r"boxes.txt line 22: image 4 is not in images.txt"),
    "a part of an unknown image": (append(LOCS, "4 1 1 9 1"), r"locs.txt line 316: image 4 is not in images.txt"),
    "an unknown part": (append(LOCS, "", "3 16 1 9 1"), r"locs.txt line 317: part 16 is not in parts/parts.txt"),
    "an unknown class": (edit(LABELS, 3, column(1, "6")), r"labels.txt line 3: class 6 is not in classes.txt"),
    "an image id twice": (append("images.txt", "3 other.jpg"), r"images.txt line 22: a second row for the same"),
    "a label twice": (append(LABELS, "3 5"), r"labels.txt line 22: a second row for the same image"),
    "a part location twice": (append(LOCS, "3 1 2 2 1"), r"locs.txt line 316: a second row for the same image and"),
    "a class twice": (append("classes.txt", "5 again"), r"classes.txt line 4: a second row for the same class id"),
    "a class without training image": (append("classes.txt", "6 x"), r"classes.txt line 4: class 6 has no training"),
    "a split that is neither 0 nor 1": (edit(SPLIT, 8, column(1, "2")), r"split.txt line 8: is_training is 2"),
    "a visibility of 2": (edit(LOCS, 8, column(4, "2")), r"locs.txt line 8: visible is 2"),
    "a path that climbs out": (edit("images.txt", 6, column(1, "../x.jpg")), r"images.txt line 6: path '../x.jpg'"),
    "an absolute path": (edit("images.txt", 6, column(1, "/x.jpg")), r"images.txt line 6: path '/x.jpg'"),
    "no images": (rewrite("images.txt", lambda text: "\n"), r"images.txt lists no image"),
    "no test images": (rewrite(SPLIT, everything(1)), r"leaves no test image"),
    "no training images": (rewrite(SPLIT, everything(0)), r"has no training image"),
    "an empty table": (rewrite(BOXES, lambda text: ""), r"image \d+ has no row in bounding_boxes.txt"),
    "garbage": (lambda root: (root / BOXES).write_bytes(b"1 2\n\xff\xfe\x00"), r"boxes.txt line 2: not UTF-8 text"),
    "a missing file": (lambda root: (root / LOCS).unlink(), r"lacks parts/part_locs.txt; a complete CUB"),
    "a folder for a file": (lambda root: ((root / LOCS).unlink(), (root / LOCS).mkdir()), r"locs.txt cannot be read"),
    "missing pictures": (lambda root: shutil.rmtree(root / "images/005.Colour_0"),
                         r"image .*Colour_0_.*jpg: missing \(and 6 more\)"),
    "the folder above": (lambda root: (root.rename(root.parent / "c"), root.mkdir(),
                                       (root.parent / "c").rename(root / "CUB_200_2011")),
                         r"but .*CUB_200_2011 does; give that one as --data-root"),
    "no folder": (shutil.rmtree, r"no such folder; give its folder as --data-root, or fetch it: harness data get cub"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_one_line_names_file_line_and_mend_for(broken, folder):
    breakage, message = BROKEN[broken]
    breakage(folder)
    with pytest.raises(UserError, match=message) as error:
        datasets.registry.get("cub").fingerprint_of(folder)
    assert "\n" not in str(error.value)
    assert ";" in str(error.value)


def test_blank_lines_windows_line_ends_and_a_byte_order_mark_are_read(folder):
    before = datasets.load("cub", root=folder)
    for name in ("images.txt", BOXES, "parts/parts.txt"):
        text = (folder / name).read_text()
        (folder / name).write_bytes(b"\xef\xbb\xbf" + ("\n" + text).replace("\n", "\r\n").encode())
    after = datasets.load("cub", root=folder)
    assert after["test"].ids == before["test"].ids
    assert after["test"].annotation(0).box == before["test"].annotation(0).box
    assert after.parts == before.parts
