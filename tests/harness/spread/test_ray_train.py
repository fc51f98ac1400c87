"""Runs that several processes train, through Ray Train: the whole way from request to rows."""

import os
import signal
import threading
import time

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from partbench import run
from partbench.harness.results.run_folders import run_folder

pytestmark = pytest.mark.slow


@pytest.fixture
def requested(asked):
    """A request for one run by two processes, long enough to be disturbed."""
    def ask(out, **changes):
        return asked(out, **{"methods": "vpt_deep", "workers_per_run": 2, "epochs": 4, "in_process": False} | changes)
    return ask


def last_checkpoint(out, run_id):
    return load_file(max((run_folder(str(out), run_id) / "checkpoints").glob("*.safetensors")))


def test_two_processes_leave_what_one_leaves(requested, tmp_path):
    alone = run(**requested(tmp_path / "one", workers_per_run=1, in_process=True))
    shared = run(**requested(tmp_path / "two"))
    assert set(shared.status) <= {"done", "not_applicable"}
    assert set(shared.workers) == {2}
    assert set(alone.workers) == {1}
    assert set(shared.run_id) == set(alone.run_id)
    run_id = shared.run_id.iloc[0]
    one, two = (last_checkpoint(tmp_path / name, run_id) for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name in one:
        assert_close(two[name], one[name], rtol=1e-4, atol=1e-4)


def test_a_run_goes_on_from_its_last_checkpoint_when_one_of_its_processes_is_killed(requested, tmp_path):
    killed = []

    def kill():
        """End the process that does not lead, once there is a checkpoint."""
        until = time.monotonic() + 120
        while time.monotonic() < until and not list(tmp_path.glob("runs/*/checkpoints/*.json")):
            time.sleep(0.05)
        for process in members():
            if not writes_log(process, tmp_path):
                os.kill(process, signal.SIGKILL)
                killed.append(process)
                return

    threading.Thread(target=kill, daemon=True).start()
    table = run(**requested(tmp_path, epochs=400))
    assert killed
    assert set(table.status) <= {"done", "not_applicable"}
    assert "continuing after" in next(tmp_path.glob("runs/*/log.txt")).read_text()


def test_a_time_limit_ends_all_processes_of_a_run_and_makes_room_for_the_next(requested, tmp_path):
    table = run(**requested(tmp_path, methods="vpt_deep,prompt_cam", epochs=20_000, timeout="20s"))
    assert set(table.status) == {"timeout"}
    assert len(list(tmp_path.glob("runs/*/checkpoints"))) == 2
    assert not [process for process in members() if writes_log(process, tmp_path)]


def members() -> list[int]:
    """Processes of Ray Train's on this machine that this test's Ray started."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if file.read().startswith(b"ray::RayTrainWorker"):
                    found.append(int(name))
        except OSError:
            continue  # it has ended
    return found


def writes_log(process: int, out) -> bool:
    """Whether a process holds a log of the results open."""
    folder = f"/proc/{process}/fd"
    return any(os.path.realpath(os.path.join(folder, fd)).startswith(f"{out}/runs/") for fd in os.listdir(folder))
