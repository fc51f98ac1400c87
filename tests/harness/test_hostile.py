"""Things made to do harm: code in pickles, names that are paths, markup or shell text, links out of the results."""

import json
import os
import pickle
import shutil
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from partbench import cards
from partbench.cards import Card, Registry
from partbench.errors import UserError
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.schedule.connection import connected
from partbench.leaderboard import Store
from partbench.links import inside
from partbench.plain_json import parsed
from partbench.processes import descendants

QUICK = {"methods": ["prompt_cam"], "protocol": "accuracy", "epochs": 1}
NAMES = ["<img src=x onerror=alert(1)>", "$(touch pwned)", "`touch pwned`; touch pwned", "-rf", "con", "..a",
         "line\nbreak", "x" * 200, "[red]' \" &amp;", "\u202egnp.exe"]


def refused(end, *words: str) -> None:
    """One line on stderr with these words, and nothing of Python's."""
    assert end.code == 2, end
    assert [line[:7] for line in end.err.splitlines() if "seed 0: prepar" not in line] == ["error: "], end.err
    assert len(end.err) < 8000  # a path is repeated whole
    assert "Traceback" not in end.out + end.err
    for word in words:
        assert word in end.err


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


class Harmful:
    """Makes a folder when it is unpickled."""

    def __init__(self, trap: Path):
        self.trap = str(trap)

    def __reduce__(self):
        return os.mkdir, (self.trap,)


@pytest.fixture(scope="module")
def done(harness, flags, tmp_path_factory):
    """Results of one run; not to be written into."""
    out = tmp_path_factory.mktemp("done")
    assert harness("run", *flags(out, **QUICK)).code == 0
    return out


@pytest.fixture
def copy(done, tmp_path):
    return shutil.copytree(done, tmp_path / "out")


def the_run(out: Path) -> Path:
    (folder,) = (out / "runs").iterdir()
    return folder


@pytest.mark.parametrize("save", [lambda harmful: pickle.dumps({"method.head": harmful}), "torch"])
def test_code_in_a_checkpoint_never_runs(save, copy, harness, flags, tmp_path):
    folder, trap = the_run(copy), tmp_path / "trap"
    for file in (folder / "checkpoints").iterdir():
        if save == "torch":
            torch.save({"method.head": Harmful(trap)}, file)
        else:
            file.write_bytes(save(Harmful(trap)))
    shutil.rmtree(copy / "rows")
    shutil.rmtree(copy / "items")
    refused(harness("explain", folder.name, "--image", "1", "--out", copy), "no whole checkpoint")
    end = harness("run", *flags(copy, **QUICK))
    assert end.code == 0, end.err
    assert not trap.exists()
    assert "checkpoint" in (folder / "log.txt").read_text()


LINKS = ["rows", "items", "runs", "leases", "report", "runs/RUN", "runs/RUN/checkpoints", "runs/RUN/log.txt",
         "runs/RUN/tokens", "rates"]


@pytest.mark.parametrize("place", LINKS)
def test_nothing_is_written_where_a_link_in_the_results_leads(place, harness, flags, asked, tmp_path):
    out, outside = tmp_path / "out", tmp_path / "outside"
    changes = QUICK | ({"rate_factors": "0.5,1", "rate_epochs": 1} if place == "rates" else {})
    (job,) = make_plan(make_config(asked(out, **QUICK))).jobs
    link = out / place.replace("RUN", job.run_id)
    link.parent.mkdir(parents=True)
    outside.mkdir()
    if place.endswith(".txt"):
        (outside / "file").write_text("mine")
        link.symlink_to(outside / "file")
    else:
        link.symlink_to(outside)
    end = harness("run", *flags(out, **changes))
    assert end.code in (1, 2)
    assert "by a link" in end.err
    assert "Traceback" not in end.out + end.err
    assert files(outside) == (["file"] if place.endswith(".txt") else [])
    assert all(path.read_text() == "mine" for path in outside.iterdir())


def test_results_may_themselves_be_a_link_and_a_link_inside_may_stay_inside(tmp_path):
    (tmp_path / "disk" / "runs").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "runs" / "same").symlink_to(tmp_path / "disk" / "runs")
    (tmp_path / "disk" / "runs" / "circle").symlink_to("circle")
    for name in ("new", "same", "circle"):
        assert inside(tmp_path / "out", "runs", name) == tmp_path / "out" / "runs" / name
    for name in ("../../etc", "/etc"):
        with pytest.raises(UserError):
            inside(tmp_path / "out", "runs", name)


COMMANDS = [["why"], ["show", "run"], ["explain", "--image", "1"], ["score", "--protocol", "ivpt"]]
RUNS = ["../../etc", "..", "/etc/passwd", "", "$(touch pwned)", "-rf", "*", "a\nb", "x" * 2000]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("run", RUNS)
def test_a_run_is_named_by_its_id_alone(command, run, done, harness, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(harness(*command, "--out", done, "--", run))
    assert files(tmp_path) == []


TAMPERED = {
    "a method that is a path": {"methods": ["../../evil"]},
    "a sweep that is a path": {"sweep": "../../evil"},
    "a data set that is a path": {"dataset": "../../evil"},
    "a seed that is text": {"seeds": ["../../evil"]},
    "a field that is not there": {"evil": "../../evil"},
    "a NUL": {"weights": "evil\0"},
    "settings that are no settings": {"set": "../../evil"},
    "a list": [],
    "nested too deep": "[" * 100_000,
    "no text": b"\xff\xfe",
}


@pytest.mark.parametrize("case", TAMPERED)
def test_a_tampered_spec_leads_nowhere(case, copy, harness, tmp_path):
    spec, change = the_run(copy) / "spec.json", TAMPERED[case]
    if isinstance(change, dict):
        change = json.dumps(json.loads(spec.read_text()) | change)
    elif not isinstance(change, bytes):
        change = change if isinstance(change, str) else json.dumps(change)
    spec.write_bytes(change if isinstance(change, bytes) else change.encode())
    before = files(tmp_path)
    refused(harness("explain", spec.parent.name, "--image", "1", "--out", copy))
    refused(harness("run", "--config", spec, "--out", tmp_path / "other"))
    assert "Traceback" not in harness("why", spec.parent.name, "--out", copy).out
    assert [name for name in files(tmp_path) if name not in before and not name.startswith("other/")] == []


def test_an_explanation_is_written_to_the_results_that_were_named_whatever_the_spec_says(copy, harness, tmp_path):
    spec = the_run(copy) / "spec.json"
    told = json.loads(spec.read_text())
    spec.write_text(json.dumps(told | {"out": str(tmp_path / "evil")}))
    picture = next(Path(told["data_root"]).rglob("*.jpg"))
    end = harness("explain", spec.parent.name, "--image", picture, "--out", copy)
    assert end.code == 0, end.err
    assert not (tmp_path / "evil").exists()
    assert list((copy / "explained").iterdir())


class Tags(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, text: str):
        super().__init__()
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.handlers += [name for name, _ in attrs if name == "onerror"]


def test_classes_of_any_name_stay_names(harness, flags, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0)
    for split, count in (("train", 2), ("test", 1)):
        for name in NAMES:
            (folder := tmp_path / "data" / split / name).mkdir(parents=True)
            for number in range(count):
                picture = Image.fromarray(noise.integers(0, 255, (32, 32, 3), np.uint8))
                picture.save(folder / f"{number} {name[:20]}.png")
    out = tmp_path / "out"
    wanted = flags(out, **QUICK, dataset="image_folder", data_root=tmp_path / "data")
    end = harness("run", *wanted)
    assert end.code == 0, end.err
    run = the_run(out)
    picture = next((tmp_path / "data" / "test" / NAMES[0]).iterdir())
    for command in (["explain", run.name, "--image", picture], ["report"], ["why", run.name], ["show", run.name]):
        end = harness(*command, "--out", out)
        assert end.code == 0, end.err
    assert harness("publish", "--to", tmp_path / "site", "--out", out, "--with-images").code == 0
    pages = [*out.rglob("*.html"), *(tmp_path / "site").rglob("*.html")]
    assert len(pages) > 8
    assert [page for page in pages if Tags(page.read_text()).handlers] == []
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out", "site"}


def test_a_card_whose_name_is_a_path_is_left_out_and_said_to_be_broken(monkeypatch):
    def entry(name: str, **more) -> SimpleNamespace:
        card = Card(name=name, title="<script>alert(1)</script>", implementation="os:system")
        for key, value in more.items():
            object.__setattr__(card, key, value)
        return SimpleNamespace(name=f"plug {name[:9]}", load=lambda: card)

    entries = [entry("good"), entry("../../evil"), entry("a/b"), entry(""), entry("x" * 65), entry("a\n"), entry("a b"),
               entry("with_variant", variants={"../../evil": {}})]
    monkeypatch.setattr(cards, "entry_points", lambda group: entries)
    registry = Registry("method", list, "partbench.methods")
    assert registry.names() == ["good"]
    assert len(registry.broken) == len(entries) - 1


NUMBERS = {"seeds": 2**63, "epochs": 10**30, "batch_size": 10**30, "threads": 10**9, "fidelity_images": 10**30,
           "decoded_side": 10**30}


@pytest.mark.parametrize("field", NUMBERS)
def test_numbers_that_nothing_holds_are_refused(field, harness, flags, tmp_path):
    refused(harness("run", *flags(tmp_path, **QUICK | {field: NUMBERS[field]})), field.replace("_", "-"))


def test_the_largest_seed_works(harness, flags, tmp_path):
    end = harness("run", *flags(tmp_path, **QUICK, seeds=2**63 - 1))
    assert end.code == 0, end.err
    assert set(Store(tmp_path).read()[0].seed) == {2**63 - 1}


def test_settings_of_any_kind_are_refused_at_once(harness, flags, tmp_path):
    with open(huge := tmp_path / "huge.yaml", "wb") as file:
        file.truncate(2**30)
    for file in (huge, "/dev/zero"):
        refused(harness("run", "--config", file), "is larger than")
    refused(harness("run", *flags(tmp_path / "out", set=["ivpt.entropy=" + "[" * 50_000])), "ivpt.entropy")


@pytest.mark.parametrize("out", ["x" * 2000, "/".join(["x" * 200] * 30)])
def test_a_folder_of_results_whose_name_is_too_long_is_refused(out, harness, flags, tmp_path):
    refused(harness("run", *flags(tmp_path / out, **QUICK)), "too long")


def test_json_that_is_nested_too_deep_is_a_value_error():
    with pytest.raises(ValueError, match="nested too deep"):
        parsed("[" * 100_000)


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


def listening() -> dict[str, str]:
    """The address that each socket of this machine listens on, by its inode."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {line[9]: line[1].partition(":")[0] for line in lines if line[3] == "0A"}


def sockets(process: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for file in Path("/proc", str(process), "fd").iterdir():
            with suppress(OSError):
                found.add(os.readlink(file).removeprefix("socket:[").removesuffix("]"))
    return found


@pytest.mark.slow
def test_a_ray_of_our_own_is_reached_from_this_machine_alone():
    before = listening()
    with connected(None) as ray:
        assert ray.get(ray.remote(lambda: 1).remote()) == 1
        now = listening()
        ours = [now[socket] for process, _ in {(os.getpid(), ""), *descendants(os.getpid())}
                for socket in sockets(process) if socket in now and socket not in before]
    assert len(ours) >= 4
    assert set(ours) <= LOOPBACK
