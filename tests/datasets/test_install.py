"""A data set fetched from a server: there when all of it is, and not there at all when anything is wrong."""

import io
import logging
import tarfile
from dataclasses import replace
from hashlib import md5, sha256

import pytest

from partbench import datasets
from partbench.datasets.cards.base import Archive, Source
from partbench.datasets.fetch.install import install
from partbench.datasets.fetch.staging import staging
from partbench.errors import UserError

CUB = datasets.registry.get("cub")


def packed(folder, *more, prefix="CUB_200_2011"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        archive.add(folder, prefix)
        for name, content in more:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture(scope="module")
def whole(tiny_cub):
    return packed(tiny_cub)


@pytest.fixture
def card(whole):
    """CUB's card with a tiny archive: as published, with its checksum."""
    return carded(Archive(url="https://owner.invalid/files/tiny.tgz", size=len(whole), strip=1,
                          checksum=f"md5:{md5(whole).hexdigest()}"))


def carded(*archives):
    return replace(CUB, source=Source(page="https://owner.invalid", archives=archives))


@pytest.fixture
def get(loopback, whole, tmp_path):
    loopback.files["tiny.tgz"] = whole

    def run(card):
        return install(card, tmp_path / "data" / "cub", loopback.url, pause=0.001)
    return run


@pytest.fixture
def works(get, loopback, whole, tmp_path):
    """The same command again, from a server that behaves: all is there, and nothing else."""
    def check(card):
        loopback.faults.clear()
        loopback.files["tiny.tgz"] = whole
        folder = get(card)
        assert [path.name for path in (tmp_path / "data").iterdir()] == ["cub"]
        assert len(datasets.load("cub", root=folder)["test"]) == 9
    return check


def test_a_data_set_is_downloaded_unpacked_read_and_there(card, works, loopback):
    works(card)
    assert loopback.requests == [("tiny.tgz", None)]


def test_an_empty_folder_is_filled_and_any_other_refused(card, works, get, tmp_path):
    (tmp_path / "data/cub").mkdir(parents=True)
    works(card)
    with pytest.raises(UserError, match=r"data/cub is not empty; give another folder"):
        get(card)
    with pytest.raises(UserError, match="is a file"):
        install(card, tmp_path / "data/cub/images.txt")
    with pytest.raises(UserError, match=r"is not a folder|Not a directory"):
        install(card, tmp_path / "data/cub/images.txt/inside")


HOSTILE = {"climbs": ("../../../x", b""), "absolute": ("/tmp/partbench-test-x", b""), "bomb": ("zeros", bytes(1 << 26))}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_archive_leaves_nothing_and_is_fetched_again(hostile, card, tiny_cub, get, works, loopback, tmp_path):
    loopback.files["tiny.tgz"] = packed(tiny_cub, HOSTILE[hostile])
    unchecked = carded(replace(card.source.archives[0], checksum=None, size=None))
    with pytest.raises(UserError, match="cub was not installed: "):
        get(unchecked)
    assert not list((tmp_path / "data").iterdir())
    works(unchecked)


@pytest.mark.parametrize("fault", ["truncate", "reset", 500, 404])
def test_a_server_that_fails_leaves_no_folder_and_the_same_command_works_later(fault, card, get, works, loopback,
                                                                               tmp_path):
    loopback.faults += [fault] * 100
    with pytest.raises(UserError):
        get(card)
    assert not (tmp_path / "data/cub").exists()
    loopback.requests.clear()
    works(card)
    assert (loopback.requests[0][1] is not None) == (fault in ("truncate", "reset"))


def test_a_wrong_checksum_installs_nothing(card, get, works, loopback, tmp_path):
    loopback.files["tiny.tgz"] = packed(tmp_path)
    with pytest.raises(UserError, match="instead of md5"):
        get(card)
    assert not list((tmp_path / "data").iterdir())
    works(card)


@pytest.mark.parametrize("checked", [True, False])
def test_what_the_reader_refuses_is_not_installed(checked, card, tiny_cub, get, works, loopback, tmp_path):
    other = packed(tiny_cub / "parts")
    loopback.files["tiny.tgz"] = other
    wrong = carded(replace(card.source.archives[0], size=None,
                           checksum=f"sha256:{sha256(other).hexdigest()}" if checked else None))
    with pytest.raises(UserError, match=r"cub was not installed: .* lacks images.txt"):
        get(wrong)
    assert not (tmp_path / "data/cub").exists()
    works(card)


def test_an_interruption_while_it_unpacks_costs_no_second_download(card, get, works, loopback, tmp_path):
    def stop(what, done, total):
        if what.startswith("unpack"):
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        install(card, tmp_path / "data/cub", loopback.url, stop)
    assert (tmp_path / "data/.cub.partial/data").exists()
    assert not (tmp_path / "data/cub").exists()
    works(card)
    assert len(loopback.requests) == 1


def test_several_files_go_where_the_card_says(tiny_cub, loopback, tmp_path):
    loopback.files |= {"tables.tgz": packed(tiny_cub), "a note.txt": b"hello", "parts.tgz": packed(tiny_cub / "parts")}
    card = carded(Archive(url="https://owner.invalid/tables.tgz?download=1", strip=1),
                  Archive(url="https://owner.invalid/a%20note.txt", into="notes", unpack=False),
                  Archive(url="https://owner.invalid/parts.tgz", into="more"))
    folder = install(card, tmp_path / "cub", f"{loopback.url}/", pause=0.001)
    assert (folder / "notes/a note.txt").read_bytes() == b"hello"
    assert (folder / "more/CUB_200_2011/part_locs.txt").exists()
    assert [name for name, _ in loopback.requests] == ["tables.tgz", "a note.txt", "parts.tgz"]


def test_without_a_published_checksum_the_computed_one_is_logged(card, get, whole, caplog):
    caplog.set_level(logging.INFO, "partbench")
    get(carded(replace(card.source.archives[0], checksum=None)))
    assert f"no checksum; it has sha256:{sha256(whole).hexdigest()}" in caplog.text


def test_one_process_at_a_time_fills_a_folder(card, get, works, tmp_path):
    with staging(tmp_path / "data/cub"), pytest.raises(UserError, match="another process is filling"):
        get(card)
    works(card)


def test_too_little_space_is_known_before_the_download(card, get, loopback, tmp_path):
    with pytest.raises(UserError, match=r"GB free, downloading and unpacking take at least 2000000\.0 GB"):
        get(carded(replace(card.source.archives[0], size=10**15)))
    assert not loopback.requests
    assert not list((tmp_path / "data").iterdir())


@pytest.mark.parametrize(("source", "message"), [
    (None, "nothing to download for cub; give a folder"),
    (Source(page="https://owner.invalid", form="fill in the form, put the file into DIR"), "fill in the form"),
])
def test_what_partbench_cannot_fetch_is_said(source, message, tmp_path):
    with pytest.raises(UserError, match=message):
        install(replace(CUB, source=source), tmp_path / "cub")
    with pytest.raises(UserError, match="nothing to download"):
        install(replace(CUB, generated=True), tmp_path / "cub")


def test_a_mirror_is_an_address_of_the_web(card, tmp_path):
    with pytest.raises(UserError, match="address of the web"):
        install(card, tmp_path / "cub", mirror="file:///srv/mirror")
    assert not list(tmp_path.iterdir())
