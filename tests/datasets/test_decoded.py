"""The cache of decoded pictures: the same samples, from files that may be damaged, outdated or impossible to write."""

import errno
import logging
import os
import pickle
from multiprocessing import get_context

import pytest
import torch
from PIL import Image

from partbench import datasets
from partbench.datasets import decoded
from partbench.datasets.contract.look import same
from partbench.datasets.geometry import resample
from partbench.errors import UserError

SIDE = 48  # half of the tiny pictures' 96 x 80


@pytest.fixture
def data(write_tiny_cub, tmp_path):
    return datasets.load("cub", root=write_tiny_cub(tmp_path / "cub", segmentations=True))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def undecodable(monkeypatch):
    """From now on nothing can be decoded."""
    def use():
        monkeypatch.setattr("partbench.datasets.base.decode", None)
    return use


def test_a_shrunk_sample_is_the_sample_resampled_when_written_and_when_read_again(data, folder, undecodable):
    shrunk = datasets.cached(data, SIDE, folder)
    expected = [resample(sample, (0, 0, 96, 80), SIDE, 40) for sample in data["test"]]
    first = [shrunk["test"][i] for i in range(9)]
    undecodable()
    again = [pickle.loads(pickle.dumps(shrunk))["test"][i] for i in range(9)]
    assert len(files(folder)) == 9
    for wanted, written, read in zip(expected, first, again, strict=True):
        assert same(wanted, written)
        assert same(wanted, read)
        assert written.object_mask.shape == written.image.shape[1:] == (40, SIDE)


def test_a_cached_data_set_keeps_the_contract_and_has_another_fingerprint(data, folder):
    shrunk = datasets.cached(data, SIDE, folder)
    datasets.check_dataset(shrunk, image_size=32, samples=3)
    prints = {data.fingerprint, shrunk.fingerprint, datasets.cached(data, SIDE + 1, folder).fingerprint}
    assert len(prints) == 3
    assert data["train"][0].image.shape == (3, 80, 96)


def test_pictures_that_are_small_enough_stay_as_they_are(data, folder):
    shrunk = datasets.cached(data, 96, folder)
    assert same(shrunk["train"][1], data["train"][1])
    assert same(shrunk["train"][1], data["train"][1])


def test_a_picture_that_changed_is_decoded_anew(data, folder):
    shrunk = datasets.cached(data, SIDE, folder)
    before, path = shrunk["train"][0], data["train"].images[0]
    status = os.stat(path)
    Image.new("RGB", (96, 80), (0, 255, 0)).save(path)
    os.truncate(path, status.st_size) if os.path.getsize(path) > status.st_size else \
        open(path, "ab").write(bytes(status.st_size - os.path.getsize(path)))
    assert os.path.getsize(path) == status.st_size  # its time alone tells
    assert not torch.equal(shrunk["train"][0].image, before.image)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with open(path, "ab") as file:
        file.write(b"\0")  # its size alone tells
    assert shrunk["train"][0].image[1].min() > 200


DAMAGES = {"empty": lambda file: file.write_bytes(b""), "cut short": lambda file: os.truncate(file, 900),
           "a page": lambda file: file.write_text("<html>"), "a flipped bit": lambda file: flip(file, 2000)}


def flip(file, place):
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_decoded_and_written_again(damage, data, folder, undecodable):
    shrunk = datasets.cached(data, SIDE, folder)
    before = shrunk["test"][0]
    DAMAGES[damage](*files(folder))
    assert same(shrunk["test"][0], before)
    undecodable()
    assert same(shrunk["test"][0], before)
    assert len(files(folder)) == 1


def fill_the_disk(monkeypatch, folder):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(decoded.np, "savez", full)


def put_a_file_in_the_way(monkeypatch, folder):
    folder.write_text("")


@pytest.mark.parametrize("trouble", [fill_the_disk, put_a_file_in_the_way])
def test_a_folder_that_cannot_be_written_costs_the_time_and_one_warning(trouble, data, folder, monkeypatch, caplog):
    monkeypatch.setattr(logging.getLogger("partbench"), "propagate", True)
    trouble(monkeypatch, folder)
    shrunk = datasets.cached(data, SIDE, folder)
    assert all(sample.image.shape == (3, 40, SIDE) for sample in shrunk["train"])
    # By identity: where a logger and its root both hand on to the fixture, it hears one record twice.
    assert len({id(record) for record in caplog.records if "decoded pictures are not kept" in record.message}) == 1
    assert not files(folder)


def write_for_ever(split, folder):
    while True:
        for i in range(len(split)):
            split[i]
        for file in folder.rglob("*.npz"):
            file.unlink(missing_ok=True)


def test_writers_that_compete_or_are_killed_leave_whole_files(data, folder):
    split = datasets.cached(data, SIDE, folder)["test"]
    expected = [resample(sample, (0, 0, 96, 80), SIDE, 40) for sample in data["test"]]
    writers = [get_context("fork").Process(target=write_for_ever, args=(split, folder)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for _ in range(20):
        assert all(same(split[i], expected[i]) for i in range(9))
    for writer in writers:
        writer.kill()
        writer.join()
    assert all(same(split[i], expected[i]) for i in range(9))


def test_a_missing_picture_is_named_though_it_was_kept(data, folder):
    shrunk = datasets.cached(data, SIDE, folder)
    path = data["test"].images[3]
    assert shrunk["test"][3]
    os.unlink(path)
    with pytest.raises(UserError, match=rf"{path}: missing; "):
        shrunk["test"][3]


def test_drawn_pictures_and_a_side_of_nothing_are_refused(data, folder):
    with pytest.raises(UserError, match="synthetic_birds makes its pictures in a way of its own; leave out"):
        datasets.cached(datasets.load("synthetic_birds"), SIDE, folder)
    with pytest.raises(UserError, match="shrunk to 0 pixels; give"):
        datasets.cached(data, 0, folder)
