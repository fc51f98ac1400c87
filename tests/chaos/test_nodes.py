"""Several Ray nodes on this machine: one is killed, and its runs go on at another; shares of a declared GPU."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
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
    """

    def __init__(self, folder: Path, environment: dict[str, str]):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address, self._nodes = f"127.0.0.1:{port}", []
        self._environment = environment | {"RAY_TMPDIR": str(folder)}

    def add(self, *flags: object) -> subprocess.Popen:
        """Another node, the head where it is the first; comes back when its raylet runs."""
        place = ["--address", self.address] if self._nodes else [
            "--head", "--port", self.address.rpartition(":")[2], "--include-dashboard", "false"]
        node = subprocess.Popen([sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *place,
                                 "--node-ip-address", "127.0.0.1", "--disable-usage-stats", *map(str, flags)],
                                env=self._environment, stdout=subprocess.DEVNULL, start_new_session=True)
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
def cluster(session, tmp_path_factory):
    """A cluster without nodes yet, and a session; stopped at the end."""
    begun = session()
    made = Cluster(tmp_path_factory.mktemp("r"), begun.environment)
    yield made, begun
    made.stop()


def run_of(worker: Process) -> str:
    """Id of the run whose log a worker has open; empty where there is none."""
    for handle in Path(f"/proc/{worker.pid}/fd").iterdir():
        target = Path(os.readlink(handle))
        if target.name == "log.txt":
            return target.parent.name
    return ""


def test_runs_of_a_killed_node_go_on_at_another_from_their_last_checkpoint(cluster, reference, record_property):
    nodes, begun = cluster
    nodes.add("--num-cpus", 1)
    doomed = nodes.add("--num-cpus", 1)
    driver = begun.start("--address", nodes.address, pause=1.0)
    hit = []

    def working() -> bool:
        hit[:] = [run_of(process) for process in descendants(doomed.pid) if process.role == "worker"]
        return any(run and list(begun.out.glob(f"runs/{run}/checkpoints/epoch-00002.json")) for run in hit)

    soon(working, 200)
    end([process for process in descendants(doomed.pid) if process.role == "raylet"])
    log = begun.out / "runs" / hit[0] / "log.txt"
    record_property("seconds", soon(lambda: "continuing after epoch" in log.read_text(), PATIENCE))
    said, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0, said
    assert compare(begun.out, reference.out)[1] == []


def test_four_runs_share_a_declared_gpu_and_the_fifth_waits(cluster):
    nodes, begun = cluster
    nodes.add("--num-cpus", 8, "--num-gpus", 1)
    code, said = begun.run("--address", nodes.address, "--gpus-per-run", 0.25, seeds=6, pause=2.0)
    assert code == 0, said
    rows, _ = scores(begun.out)
    begins = pandas.Series(1, rows.started_at)
    ends = pandas.Series(-1, rows.finished_at)
    at_once = pandas.concat([begins, ends]).sort_index().cumsum()
    assert at_once.max() == 4
    assert sorted(rows.started_at)[4] > min(rows.finished_at)
