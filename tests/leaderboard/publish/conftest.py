"""Folders of results, and what a published site holds."""

import json
import subprocess
from datetime import UTC, datetime

import pytest

from partbench.leaderboard import Store, load

PROTOCOL = "1a2b3c4d"
FINISHED = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def results(tmp_path, row):
    """``results("a", {"ab": 0.7})``: a folder of results with the accuracy of runs; more columns by name."""

    def write(name, runs, **columns):
        store = Store(tmp_path / name)
        for run_id, value in runs.items():
            store.write_scores(run_id, PROTOCOL, "test", [
                row(run_id=run_id, value=value, **{"finished_at": FINISHED} | columns)])
        return tmp_path / name

    return write


@pytest.fixture
def values():
    """Run -> accuracy in a published folder."""

    def read(site):
        frame = load(site / "data")
        return dict(zip(frame["run_id"], frame["value"], strict=True))

    return read


@pytest.fixture
def whole():
    """Whether a folder holds a whole site: every file that its marker names, and no other."""

    def check(site):
        names = json.loads((site / "partbench-site.json").read_text())["files"]
        found = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
        return found == {*names, "partbench-site.json"} and {"index.html", "data/leaderboard.parquet"} <= found

    return check


class Bare:
    """A bare repository, as a host of pages has it."""

    def __init__(self, path):
        self.path = path
        subprocess.run(["git", "init", "--quiet", "--bare", "--", path], check=True)

    def git(self, *arguments):
        return subprocess.run(["git", f"--git-dir={self.path}", *arguments], check=True, capture_output=True,
                              text=True).stdout.strip()

    @property
    def commits(self):
        return self.git("rev-list", "--all").split()

    def check_out(self, into):
        into.mkdir()
        self.git(f"--work-tree={into}", "checkout", "--quiet", "--force", "gh-pages", "--", ".")
        return into


@pytest.fixture
def bare(tmp_path):
    return Bare(tmp_path / "remote.git")
