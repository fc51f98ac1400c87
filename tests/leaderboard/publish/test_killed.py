"""Killed at any moment, a publish leaves a whole site, in a folder and on a branch, and the next one goes on."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from partbench.leaderboard.publish import publish_results

ENDLESS = """
import sys
from partbench.leaderboard import Row, Store
from partbench.leaderboard.publish import publish_results
out, to, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
for number in range(first, 100_000):
    run = f"{number:016x}"
    Store(out).write_scores(run, "1a2b", "test", [Row(
        run_id=run, method="ivpt", dataset="cub", metric="accuracy", protocol_id="1a2b", value=0.5, unit="fraction")])
    publish_results(out, to)
"""


def _publish_and_be_killed(out, to, first, seen, wait):
    """Publish one new row after the other; killed ``wait`` seconds after what is ``seen`` has changed."""
    before = seen()
    child = subprocess.Popen([sys.executable, "-c", ENDLESS, out, to, str(first)], stdout=subprocess.PIPE)
    child.stdout.readline()
    deadline = time.monotonic() + 300
    while seen() == before and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(wait)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()


def test_a_folder(tmp_path, values, whole):
    out, site, done = tmp_path / "a", tmp_path / "site", 0
    for wait in (0.2, 0.45, 0.8):
        _publish_and_be_killed(out, site, done + 1, lambda: site.exists() and len(values(site)), wait)
        assert whole(site)
        assert len(values(site)) > done
        done = len(list((out / "rows").iterdir()))
    publish_results(out, site)
    assert len(values(site)) == done
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_branch(bare, tmp_path, values, whole):
    out, done = tmp_path / "a", 0
    for number, wait in enumerate((0.2, 0.6)):
        _publish_and_be_killed(out, bare.path, done + 1, lambda: bare.commits, wait)
        site = bare.check_out(tmp_path / f"site{number}")
        assert whole(site)
        assert len(values(site)) > done
        done = len(list((out / "rows").iterdir()))
    publish_results(out, bare.path)
    assert len(values(bare.check_out(tmp_path / "last"))) == done
