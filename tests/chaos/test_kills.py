"""SIGKILL at random moments to driver, worker and raylet: nothing lost, doubled, changed or left behind."""

import subprocess
import sys

import pytest
from short_runs import HERE


def chaos(*flags: object) -> tuple[int, str]:
    """Exit code and words of the tool, which says what was wrong, if anything was."""
    done = subprocess.run([sys.executable, HERE / "chaos.py", *map(str, flags)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def test_five_kills_do_no_damage():
    code, said = chaos("--kills", 5, "--runs", 8, "--seed", 3)
    assert code == 0, said


@pytest.mark.slow
def test_a_hundred_kills_do_no_damage():
    code, said = chaos("--kills", 100, "--minutes", 60)
    assert code == 0, said
