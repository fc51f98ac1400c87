"""Gleason 2019 in its official layout, and with one thing broken at a time."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from partbench import datasets
from partbench.errors import UserError

PICTURES, SUFFIX = "Train Imgs", "_classimg_nonconvex.png"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path / "cache"))


def grades(cancer, width=40):
    """A map 48 x 64: 0 around, ``width`` columns of a cancer grade, eight of benign glands."""
    values = np.zeros((48, 64), np.uint8)
    values[8:40, 4:4 + width] = cancer
    values[8:40, 50:58] = 6
    return values


def write_tiny_gleason(root, cores=30):
    """Cores of grade 3, 4, and benign in turn, of three pathologists; the third sees grade 5 everywhere."""
    for folder in (PICTURES, "Maps1_T", "Maps3_T", "Maps6_T", "Test"):
        (root / folder).mkdir(parents=True)
    y, x = np.mgrid[:48, :64]
    for i in range(cores):
        name = f"slide00{1 + i % 3}_core{i:03d}"
        ramp = np.stack([4 * x, 5 * y, 2 * (x + y)], -1).astype(np.uint8)
        Image.fromarray(ramp).save(root / PICTURES / f"{name}.jpg")
        for folder, cancer in (("Maps1_T", (3, 4, 1)[i % 3]), ("Maps3_T", (3, 4, 1)[i % 3]), ("Maps6_T", 5)):
            Image.fromarray(grades(cancer)).save(root / folder / (name + SUFFIX))
    Image.fromarray(grades(4)).save(root / "Maps1_T" / ("slide009_core999" + SUFFIX))  # a map without a picture
    return root


@pytest.fixture
def root(tmp_path):
    return write_tiny_gleason(tmp_path / "gleason")


def test_the_majority_of_pathologists_decides_pixel_by_pixel(root):
    data = datasets.load("gleason2019", root=root)
    assert data.classes == ["benign", "grade 3", "grade 4"]
    assert data.parts == ["benign", "grade 3", "grade 4", "grade 5"]
    assert {split: len(data[split]) for split in ("train", "val", "test")} == {"train": 21, "val": 3, "test": 6}
    sample = data["test"][data["test"].labels.tolist().index(1)]
    assert sample.visible.tolist() == [True, True, False, False]
    assert sample.keypoints[1].tolist() == [24, 24]
    assert sample.box == (0, 0, 64, 48)
    expected = torch.zeros(4, 48, 64, dtype=torch.bool)
    expected[1, 8:40, 4:44] = True
    expected[0, 8:40, 50:58] = True
    assert torch.equal(sample.part_masks, expected)
    assert torch.equal(sample.object_mask, expected.any(0))


def test_of_as_many_votes_the_more_severe_counts_and_a_lone_pathologist_decides_alone(root):
    name = sorted((root / PICTURES).iterdir())[0].stem
    (root / "Maps1_T" / (name + SUFFIX)).unlink()
    data = datasets.load("gleason2019", root=root)
    both = [(split, data[split].ids.index(name)) for split in ("train+val", "test") if name in data[split].ids]
    (split, i), = both
    assert data.classes[data[split][i].label] == "grade 5"  # 3 against 5
    (root / "Maps6_T" / (name + SUFFIX)).unlink()
    data = datasets.load("gleason2019", root=root)
    assert "grade 5" not in data.classes


def test_the_label_is_the_largest_grade_or_the_highest(root):
    name = sorted((root / PICTURES).iterdir())[0].stem
    values = grades(3)
    values[8:12, 4:20] = 4
    for folder in ("Maps1_T", "Maps3_T", "Maps6_T"):
        Image.fromarray(values).save(root / folder / (name + SUFFIX))
    for rule, expected in (("primary", "grade 3"), ("highest", "grade 4")):
        data = datasets.load("gleason2019", root=root, labels=rule)
        split = "test" if name in data["test"].ids else "train+val"
        assert data.classes[data[split].labels[data[split].ids.index(name)]] == expected


def test_the_split_is_chosen_by_seed_and_id_and_keeps_the_share_of_each_class(root):
    def chosen(**options):
        return set(datasets.load("gleason2019", root=root, **options)["test"].ids)

    assert chosen() == chosen() != chosen(seed=1)
    half = datasets.load("gleason2019", root=root, test_share=0.5)
    assert np.bincount(half["test"].labels).tolist() == [5, 5, 5]
    assert not set(half["test"].ids) & set(half["train+val"].ids)


@pytest.mark.parametrize("side", [16, 32, 48])
def test_a_smaller_side_keeps_picture_masks_and_keypoints_together(root, side):
    large, small = (datasets.load("gleason2019", root=root, max_side=s)["test"][0] for s in (1024, side))
    scale = side / 64
    assert small.image.shape == (3, round(48 * scale), side)
    assert small.part_masks.shape[-2:] == small.image.shape[-2:]
    assert small.box == (0, 0, side, round(48 * scale))
    shown = small.visible
    assert (small.keypoints[shown] - large.keypoints[shown] * scale).abs().max() < 0.6
    # The picture is a ramp: its colours say where a pixel came from.
    middle = small.image[:, small.image.shape[1] // 2, side // 2].float()
    assert (middle - large.image[:, 24, 32].float()).abs().max() < 4 / scale


def test_a_large_core_is_decoded_at_a_fraction_and_stays_in_place(root):
    name = sorted((root / PICTURES).iterdir())[0].stem
    y, x = np.mgrid[:1201, :1601]
    picture = np.stack([x * 255 / 1600, y * 255 / 1200, 0 * x], -1).astype(np.uint8)
    Image.fromarray(picture).save(root / PICTURES / f"{name}.jpg", quality=95)
    for folder in ("Maps1_T", "Maps3_T", "Maps6_T"):
        Image.fromarray(np.where(x < 800, 3, 0).astype(np.uint8)).save(root / folder / (name + SUFFIX))
    data = datasets.load("gleason2019", root=root, max_side=100)
    split = "test" if name in data["test"].ids else "train+val"
    sample = data[split][data[split].ids.index(name)]
    assert sample.image.shape == (3, 75, 100)
    columns = sample.image[0].float().mean(0)
    assert (columns - torch.linspace(0.5, 99.5, 100) * 2.55).abs().max() < 2.5
    assert (sample.image[1].float().mean(1) - torch.linspace(0.5, 74.5, 75) * 3.4).abs().max() < 3
    assert sample.part_masks[1].float().mean() == pytest.approx(0.5, abs=0.01)


def test_it_passes_the_contract_and_is_read_without_torch(root):
    data = datasets.load("gleason2019", root=root)
    assert data.fingerprint == datasets.registry.get("gleason2019").fingerprint_of(root)
    datasets.check_dataset(data)
    code = (f"import sys; from partbench import datasets; datasets.load('gleason2019', root={str(root)!r}); "
            "sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


CORE = "slide002_core004"


def redraw(values):
    return lambda root: Image.fromarray(values).save(root / "Maps3_T" / (CORE + SUFFIX))


BROKEN = {
    "no pictures": (lambda root: shutil.rmtree(root / PICTURES), r"it lacks Train Imgs; give its folder"),
    "an empty folder of pictures": (lambda root: [path.unlink() for path in (root / PICTURES).iterdir()],
                                    r"lacks pictures; a Gleason 2019"),
    "no maps": (lambda root: [shutil.rmtree(path) for path in root.glob("Maps*")], r"lacks Maps1_T"),
    "a file for a folder of maps": (lambda root: (shutil.rmtree(root / "Maps3_T"), (root / "Maps3_T").write_text("")),
                                    r"folder .*Maps3_T cannot be read"),
    "a picture without map": (lambda root: (root / PICTURES / "x.jpg").write_bytes(
        (root / PICTURES / f"{CORE}.jpg").read_bytes()), r"x.jpg has no map in Maps1_T, Maps3_T, Maps6_T"),
    "a torn picture": (lambda root: (root / PICTURES / f"{CORE}.jpg").write_bytes(b"\xff\xd8\xff\xe0"),
                       rf"{CORE}.jpg: (damaged|not a picture)"),
    "a torn map": (lambda root: (root / "Maps3_T" / (CORE + SUFFIX)).write_bytes(b"\x89PNG\r\n\x1a\n"),
                   rf"Maps3_T/{CORE}.*: (damaged|not a picture)"),
    "a map of another size": (redraw(np.zeros((24, 32), np.uint8)), r"is 32x24 pixels, its picture 64x48"),
    "an unknown grade": (redraw(np.full((48, 64), 7, np.uint8)), rf"Maps3_T/{CORE}.* holds 7, a map 0 to 6"),
    "a grade beyond a byte": (redraw(np.full((48, 64), 300, np.uint16)), r"holds 300, a map 0 to 6"),
    "a map in colour": (redraw(np.zeros((48, 64, 3), np.uint8)), r"a colour picture where a mask is expected"),
    "one picture": (lambda root: [path.unlink() for path in (root / PICTURES).iterdir() if path.stem != CORE],
                    r"leaves no test image"),
    "no folder": (shutil.rmtree, r"no Gleason 2019 at .*no such folder"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_one_line_names_file_and_mend_for(broken, root):
    breakage, message = BROKEN[broken]
    breakage(root)
    with pytest.raises(UserError, match=message) as error:
        datasets.load("gleason2019", root=root)
    assert "\n" not in str(error.value)
    assert ";" in str(error.value)
