"""Several Ray nodes on this machine: one is killed, and its runs go on at another; shares of a declared GPU."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas
import pytest
from verify import compare, scores

from processes import Process, descendants, end

pytestmark = pytest.mark.slow
PATIENCE = 60.0  # seconds until a run that lost its node has to be under way again


class Cluster:
    """Ray nodes that the test started, each with processes of its own.

    Attributes:
        address: what ``--address`` takes.
        pause: seconds of sleep in each training step of its workers.
    """

    def __init__(self, folder: Path, environment: dict[str, str]):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address, self._nodes = f"127.0.0.1:{port}", []
        self.pause = 0.0
        environment["RAY_AUTH_MODE"] = "disabled"  # of drivers, too: by itself it depends on what this user did before
        self._environment = environment | {"RAY_TMPDIR": str(folder)}

    def add(self, *flags: object) -> subprocess.Popen:
        """Another node, the head where it is the first; comes back when its raylet runs."""
        place = ["--address", self.address] if self._nodes else [
            "--head", "--port", self.address.rpartition(":")[2], "--include-dashboard", "false"]
        node = subprocess.Popen([sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *place,
                                 "--node-ip-address", "127.0.0.1", "--disable-usage-stats", *map(str, flags)],
                                env=self._environment | {"PARTBENCH_CHAOS_PAUSE": str(self.pause)},
                                stdout=subprocess.DEVNULL, start_new_session=True)
        self._nodes.append(node)
        soon(lambda: "raylet" in {process.role for process in descendants(node.pid)}, 120)
        time.sleep(3)
        return node

    def stop(self) -> None:
        for node in self._nodes:
            end(descendants(node.pid))
            node.kill()
            node.wait()


def soon(true: Callable[[], object], seconds: float) -> float:
    """Wait until something holds; gives the seconds that took."""
    since = time.monotonic()
    while not true():
        assert time.monotonic() - since < seconds
        time.sleep(0.1)
    return time.monotonic() - since


@pytest.fixture
def cluster(session):
    """A cluster without nodes yet, and a session; stopped at the end."""
    begun = session()
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:  # a socket's path may have 107 characters
        made = Cluster(Path(folder), begun.environment)
        yield made, begun
        made.stop()


def run_of(worker: Process) -> str:
    """Id of the run whose log a worker has open; empty where there is none."""
    with suppress(FileNotFoundError):  # it ended meanwhile
        for handle in os.scandir(f"/proc/{worker.pid}/fd"):
            with suppress(FileNotFoundError):  # it was closed
                target = Path(os.readlink(handle))
                if target.name == "log.txt":
                    return target.parent.name
    return ""


def test_runs_of_a_killed_node_go_on_at_another_from_their_last_checkpoint(cluster, reference):
    nodes, begun = cluster
    nodes.pause = 1.0
    nodes.add("--num-cpus", 1)
    doomed = nodes.add("--num-cpus", 1)
    driver = begun.start("--address", nodes.address)
    hit: list[str] = []

    def half_done() -> bool:
        runs = [run_of(process) for process in descendants(doomed.pid) if process.role == "worker"]
        hit[:] = [run for run in runs if run and (begun.out / f"runs/{run}/checkpoints/epoch-00002.json").exists()]
        return bool(hit)

    soon(half_done, 200)
    end([process for process in descendants(doomed.pid) if process.role == "raylet"])
    log = begun.out / "runs" / hit[0] / "log.txt"
    print(f"{soon(lambda: 'continuing after epoch' in log.read_text(), PATIENCE):.1f} s until the lost run went on")
    said, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0, said
    assert "again from its last checkpoint, 1 of 3" in said
    assert compare(begun.out, reference.out)[1] == []


def test_four_runs_share_a_declared_gpu_and_the_fifth_waits(cluster):
    nodes, begun = cluster
    nodes.pause = 2.0
    nodes.add("--num-cpus", 8, "--num-gpus", 1)
    code, said = begun.run("--address", nodes.address, "--gpus-per-run", 0.25, seeds=6)
    assert code == 0, said
    rows, _ = scores(begun.out)
    begins, ends = pandas.Series(1, rows.started_at), pandas.Series(-1, rows.finished_at)
    assert pandas.concat([begins, ends]).sort_index().cumsum().max() == 4
    assert sorted(rows.started_at)[4] > min(rows.finished_at)
