"""Picture files: any colour mode becomes RGB, and a broken file is named, never guessed at."""

import numpy as np
import pytest
import torch
from PIL import Image

from partbench import datasets
from partbench.datasets.images import decode_mask
from partbench.errors import UserError


@pytest.fixture
def picture():
    y, x = np.mgrid[:40, :60]
    return Image.fromarray(np.stack([4 * x, 6 * y, 2 * (x + y)], -1).astype(np.uint8))


@pytest.mark.parametrize(("mode", "name"), [("RGB", "a.jpg"), ("L", "a.jpg"), ("CMYK", "a.jpg"), ("P", "a.png"),
                                            ("RGBA", "a.png"), ("1", "a.png"), ("LA", "a.png"), ("RGB", "a.webp")])
def test_every_mode_becomes_rgb(mode, name, picture, tmp_path):
    picture.convert(mode).save(tmp_path / name)
    image = datasets.decode(tmp_path / name)
    assert image.shape == (3, 40, 60)
    assert image.dtype == torch.uint8
    assert image.is_contiguous()
    expected = torch.from_numpy(np.array(picture.convert(mode).convert("RGB"))).permute(2, 0, 1)
    assert (image.float() - expected.float()).abs().mean() < 6
    datasets.check_images([tmp_path / name])


def test_an_orientation_tag_does_not_turn_the_pixels(picture, tmp_path):
    tag = Image.Exif()
    tag[0x0112] = 6
    picture.save(tmp_path / "a.jpg", exif=tag)
    assert datasets.decode(tmp_path / "a.jpg").shape == (3, 40, 60)


def test_a_mask_counts_pixels_above_200(tmp_path):
    Image.fromarray(np.array([[0, 200, 201, 255]], np.uint8)).save(tmp_path / "m.png")
    assert decode_mask(tmp_path / "m.png").tolist() == [[False, False, True, True]]


FAULTS = {
    "missing": (lambda path: path.unlink(), "missing"),
    "empty": (lambda path: path.write_bytes(b""), "empty file"),
    "a web page": (lambda path: path.write_text("<!DOCTYPE html>"), "not a picture"),
    "cut in the middle": (lambda path: path.write_bytes(path.read_bytes()[:500]), "damaged"),
    "cut at the end": (lambda path: path.write_bytes(path.read_bytes()[:-40]), "damaged"),
    "a head alone": (lambda path: path.write_bytes(path.read_bytes()[:20]), "not a picture|damaged"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "cannot be read"),
}


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_file_is_named_by_decoding_and_before_training(fault, suffix, tmp_path):
    good, bad = tmp_path / f"good.{suffix}", tmp_path / f"bad.{suffix}"
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8))
    noise.save(good)
    noise.save(bad)
    breakage, message = FAULTS[fault]
    breakage(bad)
    with pytest.raises(UserError, match=f"bad.{suffix}: ({message})") as error:
        datasets.check_images([good, bad])
    assert "\n" not in str(error.value)
    if fault != "empty":
        with pytest.raises(UserError, match=f"bad.{suffix}: ({message})"):
            datasets.decode(bad)


def test_the_check_counts_what_it_finds_and_forgives_bytes_after_the_end(picture, tmp_path):
    picture.save(tmp_path / "a.jpg")
    with open(tmp_path / "a.jpg", "ab") as file:
        file.write(b"\0" * 64)
    datasets.check_images([tmp_path / "a.jpg"])
    with pytest.raises(UserError, match=r"b\.jpg: missing \(and 2 more\)"):
        datasets.check_images([tmp_path / f"{name}.jpg" for name in "abcd"])
