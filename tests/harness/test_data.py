"""`harness data` at the command line: what it asks, what it prints, how it ends, and that a kill costs nothing."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from partbench import datasets
from partbench.datasets.base import Annotations, PartDataset
from partbench.datasets.cards.base import Archive, Source

LICENCE = "For looking at only."
CARD_MODULE = """
import json
import os
from dataclasses import replace

from partbench.datasets.cards.base import Archive, Source
from partbench.datasets.cards.cub import CARD as CUB

archive = Archive(**json.loads(os.environ["TINY_ARCHIVE"]))
CARD = replace(CUB, name="tiny", title="Tiny birds", counts={"classes": 3, "train": 12, "test": 9},
               source=Source(page="https://owner.invalid", licence="For looking at only.", archives=(archive,)))
"""


@pytest.fixture(scope="module")
def whole(tiny_cub):
    """The archive; a file that does not compress makes it worth interrupting."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        archive.add(tiny_cub, "CUB_200_2011")
        noise = np.random.default_rng(0).bytes(2_000_000)
        info = tarfile.TarInfo("CUB_200_2011/noise")
        info.size = len(noise)
        archive.addfile(info, io.BytesIO(noise))
    return out.getvalue()


@pytest.fixture
def archive(loopback, whole):
    loopback.files["tiny.tgz"] = whole
    return {"url": f"{loopback.url}/tiny.tgz", "size": len(whole), "strip": 1,
            "checksum": f"sha256:{sha256(whole).hexdigest()}"}


@pytest.fixture
def tiny(archive, monkeypatch):
    """The tiny data set in this process's registry."""
    card = replace(datasets.registry.get("cub"), name="tiny", title="Tiny birds",
                   counts={"classes": 3, "train": 12, "test": 9},
                   source=Source(page="https://owner.invalid", licence=LICENCE, archives=(Archive(**archive),)))
    monkeypatch.setitem(datasets.registry.cards, "tiny", card)
    return card


@pytest.fixture
def answer(monkeypatch):
    """Sit at a terminal and answer."""
    def at(text):
        terminal = io.StringIO(text)
        terminal.isatty = lambda: True
        monkeypatch.setattr(sys, "stdin", terminal)
    return at


def test_get_shows_page_size_and_licence_and_installs(tiny, harness, tmp_path, monkeypatch):
    monkeypatch.setenv("PARTBENCH_DATA", str(tmp_path))
    end = harness("data", "get", "tiny", "--yes")
    assert end.code == 0, end
    for word in ("https://owner.invalid", "2.", " MB", LICENCE, str(tmp_path / "tiny"), "harness data check tiny"):
        assert word in end.out, end.out
    assert "downloading http://127" in end.err
    assert harness("data", "check", "tiny", tmp_path / "tiny").code == 0
    again = harness("data", "get", "tiny", "--yes")
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert "is not empty" in again.err


def test_the_licence_is_asked_for(tiny, harness, answer, loopback, tmp_path):
    answer("n\n")
    declined = harness("data", "get", "tiny", "--to", tmp_path / "tiny")
    assert (declined.code, declined.err) == (2, "error: the licence was not accepted; nothing was downloaded\n")
    assert not loopback.requests
    answer("y\n")
    assert harness("data", "get", "tiny", "--to", tmp_path / "tiny").code == 0


def test_without_a_terminal_the_licence_takes_a_flag(tiny, harness, loopback, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    end = harness("data", "get", "tiny", "--to", tmp_path / "tiny")
    assert end.code == 2
    assert "pass --yes" in end.err
    assert not loopback.requests


def test_a_form_is_shown_with_what_to_put_where(harness, tmp_path, monkeypatch, tiny):
    form = Source(page="https://owner.invalid/form", form="ask the owners and put tiny.zip into the folder")
    monkeypatch.setitem(datasets.registry.cards, "tiny", replace(tiny, source=form))
    end = harness("data", "get", "tiny", "--to", tmp_path / "tiny", "--yes")
    assert end.code == 2
    assert "ask the owners and put tiny.zip into the folder" in end.err
    assert "https://owner.invalid/form" in end.out
    assert str(tmp_path / "tiny") in end.out
    assert not list(tmp_path.iterdir())


def test_a_mirror_serves_in_the_owners_place_and_the_checksum_holds(tiny, harness, loopback, whole, tmp_path,
                                                                    monkeypatch):
    away = replace(tiny.source.archives[0], url="https://owner.invalid/files/tiny.tgz")
    monkeypatch.setitem(datasets.registry.cards, "tiny", replace(tiny, source=replace(tiny.source, archives=(away,))))
    get = ("data", "get", "tiny", "--yes", "--to", tmp_path / "tiny", "--mirror", f"{loopback.url}/copy/")
    loopback.files["copy/tiny.tgz"] = whole + b"\0"
    wrong = harness(*get)
    assert wrong.code == 2
    assert "instead of sha256" in wrong.err.splitlines()[-1]
    assert not list(tmp_path.iterdir())
    loopback.files["copy/tiny.tgz"] = whole
    assert harness(*get).code == 0


def test_check_lists_what_is_wrong_twenty_of_a_kind_and_exits_with_1(tiny, harness, write_tiny_cub, tmp_path):
    root = write_tiny_cub(tmp_path / "cub", train=10)
    for picture in (root / "images").rglob("*.jpg"):
        picture.write_bytes(picture.read_bytes()[:300])
    end = harness("data", "check", "tiny", root)
    assert end.code == 1, end
    assert "and 19 more" in end.out
    assert "counts: 1, picture: 39" in end.out
    assert "30 instead of 12" in end.out
    missing = harness("data", "check", "tiny", tmp_path / "nowhere")
    assert missing.code == 1
    assert "no such folder" in " ".join(missing.out.split())


@pytest.fixture
def drawn(monkeypatch):
    """A data set that is drawn, whose classes are as many as asked for."""
    from partbench.cards import Settings

    class Classes(Settings):
        classes: int = 2

    def read(root, settings):
        rows = np.arange(6 * settings.classes)
        return PartDataset(
            "drawn", [f"class {label}" for label in range(settings.classes)], ["beak"],
            Annotations(ids=[str(row + 1) for row in rows], images=[""] * len(rows), labels=rows // 6,
                        boxes=np.tile([1.0, 1, 8, 8], (len(rows), 1)),
                        keypoints=np.ones((len(rows), 1, 2), np.float32), visible=np.ones((len(rows), 1), bool),
                        train=rows % 6 < 4, read_image=lambda row: np.full((10, 12, 3), row, np.uint8)), "0" * 64)
    monkeypatch.setitem(sys.modules, "drawn_for_tests", SimpleNamespace(read=read))
    card = replace(datasets.registry.get("cub"), name="drawn", title="Drawn", generated=True, settings=Classes,
                   implementation="drawn_for_tests:read")
    monkeypatch.setitem(datasets.registry.cards, "drawn", card)


def test_make_writes_a_drawn_data_set_that_the_cub_reader_reads(drawn, harness, tmp_path):
    end = harness("data", "make", "drawn", tmp_path / "out", "--set", "classes=3")
    assert end.code == 0, end
    assert f"--dataset cub --data-root {tmp_path / 'out'}" in end.out
    data = datasets.load("cub", root=tmp_path / "out")
    assert (len(data.classes), len(data["test"])) == (3, 6)
    assert "is not empty" in harness("data", "make", "drawn", tmp_path / "out").err


@pytest.mark.parametrize(("command", "words"), [
    (("make", "cub", "OUT"), "holds photographs"),
    (("make", "drawn", "OUT", "--set", "clases=3"), "did you mean 'classes'?"),
    (("make", "drawn", "OUT", "--set", "classes"), "write option=value"),
    (("make", "drawn", "OUT", "--set", "classes=many"), "drawn.classes='many'"),
    (("get", "drawn"), "nothing to download"),
    (("check", "drawn", "OUT"), "it takes no --data-root"),
    (("get", "cup"), "did you mean 'cub'?"),
    (("check", "cup", "OUT"), "did you mean 'cub'?"),
    (("make", "drwn", "OUT"), "did you mean 'drawn'?"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_a_command_that_cannot_work_is_one_line(command, words, drawn, harness, tmp_path):
    end = harness("data", *(str(tmp_path / "out") if word == "OUT" else word for word in command))
    assert end.code == 2, end
    assert words in end.err
    assert end.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.fixture
def start(archive, environment, tmp_path):
    """Start ``harness data get tiny`` as a program, with the card from a third party's package."""
    site = tmp_path / "site"
    about = site / "tiny-1.0.dist-info"
    about.mkdir(parents=True)
    (site / "tiny_card.py").write_text(CARD_MODULE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[partbench.datasets]\ntiny = tiny_card:CARD\n")
    known = environment | {"PYTHONPATH": f"{site}{os.pathsep}{environment['PYTHONPATH']}", "no_proxy": "127.0.0.1",
                           "TINY_ARCHIVE": json.dumps(archive)}
    # Tests in a shell's background inherit an ignored SIGINT, which a program started at a prompt does not have.
    code = ("import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "from partbench.harness.cli import main; main()")

    def run():
        return subprocess.Popen([sys.executable, "-c", code, "data", "get", "tiny", "--yes", "--to", "data/tiny"],
                                cwd=tmp_path, env=known, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return run


def wait_for(part: Path, size: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size >= size):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT], ids=lambda stop: stop.name)
def test_a_stopped_download_goes_on_where_it_was_stopped(stop, start, loopback, whole, tmp_path):
    loopback.faults.append("stall")
    process = start()
    wait_for(tmp_path / "data/.tiny.partial/downloads/0-tiny.tgz.part", len(whole) // 2, process)
    process.send_signal(stop)
    out, err = process.communicate(timeout=30)
    assert process.returncode == (130 if stop == signal.SIGINT else -signal.SIGKILL)
    assert ("the same command continues" in out) == (stop == signal.SIGINT)
    assert "Traceback" not in err
    assert not (tmp_path / "data/tiny").exists()
    again = start()
    _, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert loopback.requests == [("tiny.tgz", None), ("tiny.tgz", f"bytes={len(whole) // 2}-")]
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["tiny"]
    assert len(datasets.load("cub", root=tmp_path / "data/tiny")["test"]) == 9
