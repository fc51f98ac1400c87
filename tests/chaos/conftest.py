"""Short runs on drawn birds by a method that breaks as told, through the command line in processes of their own."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE / "plugin"))

import short_runs  # noqa: E402


@dataclass(frozen=True)
class Session:
    """A folder to work in, and processes that know the chaos plug-in."""

    folder: Path
    environment: dict[str, str]

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def marks(self) -> Path:
        """Where faults leave their marks."""
        return Path(self.environment["PARTBENCH_CHAOS_MARKS"])

    def start(self, *flags: object, pause: float = 0.0, before: tuple = (), **plan) -> subprocess.Popen:
        """Give the command; ``before`` are words in front of it, further arguments as of :func:`short_runs.run`."""
        return subprocess.Popen(
            [*map(str, before), *short_runs.run(self.out, *flags, **plan)],
            env=self.environment | {"PARTBENCH_CHAOS_PAUSE": str(pause)}, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)

    def run(self, *flags: object, **how) -> tuple[int, str]:
        """Give the command and wait: its exit code, and what it said."""
        started = self.start(*flags, **how)
        try:
            said, _ = started.communicate(timeout=400)
        finally:
            started.kill()
        return started.returncode, said


@pytest.fixture(scope="session")
def session(tmp_path_factory) -> Callable[[], Session]:
    """``session()``: a new folder, with nothing in it yet."""
    def begin() -> Session:
        folder = tmp_path_factory.mktemp("chaos")
        return Session(folder, short_runs.environment(folder))
    return begin


@pytest.fixture(scope="session")
def reference(session) -> Session:
    """Runs of one method that nobody disturbed."""
    begun = session()
    code, said = begun.run("--in-process")
    assert code == 0, said
    return begun
