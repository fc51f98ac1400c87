"""``--out`` on an object store: in the memory of this process, and on a local server that speaks S3."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

import partbench
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.results.run_copy import RunCopy
from partbench.harness.trial import run_job
from partbench.leaderboard import Store
from partbench.leaderboard.remote_files import RemoteFiles

SECRET = "hush-" + "x" * 20
QUICK = {"methods": ["prompt_cam"], "protocol": "accuracy"}


class Killed(BaseException):
    """As a SIGKILL: nothing of the run gets to do anything more."""


@pytest.fixture(scope="module")
def server():
    """The environment of a user of a local S3 server with one bucket."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    s3 = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    s3.start()
    host, port = s3.get_host_and_port()
    environment = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "tester",
                   "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1", "no_proxy": "127.0.0.1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        fsspec.filesystem("s3", use_listings_cache=False).mkdir("bucket")
        yield environment
    s3.stop()


@pytest.fixture(params=["memory", "s3"])
def url(request):
    """A fresh folder at a URL."""
    if request.param == "memory":
        return f"memory://{uuid4().hex}/results"
    request.getfixturevalue("server")
    return f"s3://bucket/{uuid4().hex}"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """``machine("a")``: from here on this is another machine, with a scratch folder of its own."""
    def become(name: str) -> Path:
        monkeypatch.setenv("PARTBENCH_SCRATCH", str(tmp_path / name))
        return tmp_path / name
    become("first")
    return become


def names(url: str) -> list[str]:
    fs, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    return [name[len(root) + 1:] for name in fs.find(root)]


def files(url: str) -> dict[str, bytes]:
    fs, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    return {name: fs.cat_file(f"{root}/{name}") for name in names(url)}


def log(url: str, run_id: str) -> str:
    return files(url)[f"runs/{run_id}/log.txt"].decode()


def jobs(asked, url, **changes):
    return make_plan(make_config(asked(url, **changes))).todo


def test_a_command_leaves_everything_at_the_url_and_other_machines_find_it(flags, harness, machine):
    url = f"memory://{uuid4().hex}/results"
    wanted = flags(url, methods="prompt_cam", protocol="huang2023")
    end = harness("run", *wanted)
    assert end.code == 0, end.err
    there = files(url)
    assert {name.partition("/")[0] for name in there} == {"rows", "items", "runs", "report", "leaderboard.parquet"}
    machine("second")
    assert harness("run", *wanted).out.startswith("1 of 1 runs were finished before")
    (run_id,) = (name.split("/")[1] for name in there if name.endswith("spec.json"))
    assert run_id in harness("list", "runs", "--out", url).out
    machine("third")
    assert "trained in" in harness("why", run_id[:8], "--out", url).out
    assert json.loads(harness("show", run_id, "--out", url).out)["out"] == url
    machine("fourth")
    narrower = ["--protocol", "huang2023", "--set", "protocol.half_size=20"]
    assert harness("score", run_id, *narrower, "--out", url).code == 0
    fresh = files(url).keys() - there.keys()
    assert {name.split(".")[0] for name in fresh} == {f"rows/{run_id}", f"items/{run_id}"}
    machine("fifth")
    assert harness("report", "--out", url).code == 0
    assert harness("store", "check", url).code == 0
    other = f"{url}-merged"
    assert harness("store", "merge", url, "--to", other).code == 0
    assert {name for name in names(other) if name.startswith("rows/")} == {
        name for name in names(url) if name.startswith("rows/")}
    assert "local folder" in harness("store", "repair", url).err
    table = partbench.leaderboard.load(url)
    assert set(table.run_id) == {run_id}
    assert table.protocol_id.nunique() == 2


def test_a_run_that_is_killed_goes_on_from_its_checkpoint_on_another_machine(asked, machine, url, monkeypatch):
    plain = RunCopy.checkpoint

    def killed(self):
        plain(self)
        raise Killed

    (job,) = jobs(asked, url, **QUICK, epochs=3)
    monkeypatch.setattr(RunCopy, "checkpoint", killed)
    with pytest.raises(Killed):
        run_job(job)
    assert not [name for name in names(url) if name.startswith("rows/")]
    machine("second")
    monkeypatch.setattr(RunCopy, "checkpoint", plain)
    (job,) = jobs(asked, url, **QUICK, epochs=3)
    assert run_job(job).status == "done"
    assert "continuing after epoch 1 of 3" in log(url, job.run_id)
    values = Store(url).of_run(job.run_id).set_index(["metric", "level"]).value
    reference = f"memory://{uuid4().hex}/results"
    (job,) = jobs(asked, reference, **QUICK, epochs=3)
    assert run_job(job).status == "done"
    assert Store(reference).of_run(job.run_id).set_index(["metric", "level"]).value.equals(values)
    kept = [name for name in names(url) if "/checkpoints/" in name]
    assert len(kept) == 4, kept  # two, of two files each: what is superseded goes there, too


def test_what_cannot_be_sent_fails_the_run_and_the_same_command_sends_it(asked, flags, harness, machine, monkeypatch):
    url = f"memory://{uuid4().hex}/results"
    monkeypatch.setattr("partbench.leaderboard.remote_files.time.sleep", lambda seconds: None)
    plain = RemoteFiles.write

    def broken(self, path, content, new=False):
        def put(*_):
            raise OSError("no route to host")
        with monkeypatch.context() as patch:
            if "/items/" in path:
                patch.setattr(RemoteFiles, "_put", put)
            plain(self, path, content, new)

    with monkeypatch.context() as patch:
        patch.setattr(RemoteFiles, "write", broken)
        (job,) = jobs(asked, url, **QUICK)
        end = run_job(job)
    assert end.status == "failed"
    assert "no route to host" in end.error
    assert "\n" not in end.error
    assert not [name for name in names(url) if name.startswith("rows/")]
    done = harness("run", *flags(url, **QUICK))
    assert done.code == 0, done.err
    assert [name for name in names(url) if name.startswith("rows/")]
    assert log(url, job.run_id).count("epoch 1 of 2: loss") == 1


def test_force_drops_the_checkpoints_at_the_url(asked, machine):
    url = f"memory://{uuid4().hex}/results"
    partbench.run(**asked(url, **QUICK))
    machine("second")
    partbench.run(**asked(url, **QUICK, force=True))
    (job,) = make_plan(make_config(asked(url, **QUICK))).jobs
    assert log(url, job.run_id).count("epoch 1 of 2: loss") == 2


def test_rates_are_tried_and_chosen_at_the_url(asked, machine):
    url = f"memory://{uuid4().hex}/results"
    wanted = asked(url, **QUICK, rate_factors=[0.3, 1], rate_epochs=1)
    partbench.run(**wanted)
    machine("second")
    assert make_plan(make_config(wanted | {"rate_factors": [chosen(url)]})).todo == []


def chosen(url: str) -> float:
    (choice,) = json.loads(files(f"{url}/rates")["chosen.json"]).values()
    return choice["factor"]


def test_no_secret_of_the_environment_reaches_the_results(flags, harness, server, machine):
    url = f"s3://bucket/{uuid4().hex}"
    scratch = machine("secret")
    end = harness("run", *flags(url, **QUICK, controls=True))
    assert end.code == 0, end.err
    written = [*files(url).values(), *(file.read_bytes() for file in scratch.rglob("*") if file.is_file())]
    assert len(written) > 20
    assert not [content for content in [*written, end.out.encode(), end.err.encode()] if SECRET.encode() in content]


@pytest.mark.parametrize("url", ["s3://tester:hush@bucket/results", "https://host/results?token=hush"])
@pytest.mark.parametrize("command", [["run", "--methods", "ivpt", "--dataset", "synthetic_birds"], ["list", "runs"],
                                     ["why", "abc"], ["report"], ["explain", "abc", "--image", "x.jpg"],
                                     ["score", "abc", "--protocol", "ivpt"], ["publish", "--to", "site"],
                                     ["audit", "--dataset", "synthetic_birds"]])
def test_credentials_in_the_address_are_refused_in_one_line(command, url, harness):
    end = harness(*command, "--out", url)
    assert end.code == 2
    assert end.err.count("\n") == 1
    assert "environment" in end.err
    assert "hush" not in end.out + end.err


REFUSED = {
    "a bucket that is not there": ("s3://no-such-bucket/results", "cannot write to s3://no-such-bucket/results"),
    "memory, which workers do not share": ("memory://x/results", "add --in-process"),
    "no such file system": ("nowhere://x/results", "nowhere"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_addresses_that_cannot_work_are_refused_in_one_line(case, flags, harness, server, machine, monkeypatch):
    monkeypatch.setattr("partbench.leaderboard.remote_files.time.sleep", lambda seconds: None)
    url, word = REFUSED[case]
    in_process = None if url.startswith("memory") else True
    end = harness("run", *flags(url, in_process=in_process))
    assert end.code == 2, end
    assert end.err.count("\n") == 1, end.err
    assert word in end.err
    assert "bucket" in fsspec.filesystem("s3", use_listings_cache=False).ls("")
    assert "no-such-bucket" not in fsspec.filesystem("s3", use_listings_cache=False).ls("")


@pytest.mark.slow
def test_drivers_on_two_machines_do_each_run_once_and_a_killed_one_is_followed(flags, server, tmp_path):
    url = f"s3://bucket/{uuid4().hex}"
    wanted = flags(url, epochs=30, seeds="0,1", protocol="accuracy")

    def start(name: str) -> subprocess.Popen:
        program = "from partbench.harness.cli import main; main()"
        return subprocess.Popen([sys.executable, "-c", program, "run", *wanted],
                                env=os.environ | {"PARTBENCH_SCRATCH": str(tmp_path / name)},
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    killed = start("killed")
    until = time.monotonic() + 120
    while not any("/checkpoints/" in name and name.endswith(".json") for name in names(url)):
        assert time.monotonic() < until
        time.sleep(0.1)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    both = [start("one"), start("other")]
    ends = [(driver, driver.communicate(timeout=400)[0]) for driver in both]
    assert [driver.returncode for driver, _ in ends] == [0, 0], ends
    logs = {name: content.decode() for name, content in files(url).items() if name.endswith("log.txt")}
    assert len(logs) == 4
    assert sum(text.count("continuing after epoch") for text in logs.values()) == 1
    assert all(text.count("epoch 30 of 30: loss") == 1 for text in logs.values())
    table = partbench.leaderboard.load(url)
    assert set(table.status) <= {"done", "not_applicable"}
    assert table.run_id.nunique() == 4
