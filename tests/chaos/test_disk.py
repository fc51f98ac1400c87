"""A disk that is full, and one that cannot be written, as mounts of their own where this user may make some."""

import os
import shutil
import subprocess

import pytest
import short_runs
from verify import compare

UNSHARE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
FULL = """
mount -t tmpfs -o size=$2 none "$1" && shift 2 || exit 99
out=$1; shift
"$@"; echo "first: $?"
df -k "$out" | tail -n 1
mount -o remount,size=100m none "$out"
"$@"; echo "second: $?"
cp -r "$out" "$out.kept"
"""
READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift || exit 99
exec "$@"
"""


def mounts() -> bool:
    """Whether this user may make them."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    return tried.returncode == 0


pytestmark = pytest.mark.skipif(not mounts(), reason="this user may not make mounts of its own")


def one_line(said: str, *words: str) -> None:
    """Among what was said, exactly one line is an error, and it has these words."""
    [line] = [line for line in said.splitlines() if line.startswith("error: ")]
    assert all(word in line for word in words), said
    assert "Traceback" not in said


def test_a_disk_that_fills_up_stops_the_command_and_with_space_it_goes_on(session, reference):
    begun = session()
    begun.out.mkdir()
    code, said = begun.run("--in-process", before=(
        *UNSHARE, "sh", "-c", FULL, "sh", begun.out, "200k", begun.out))
    assert code == 0, said
    first, _, second = said.partition("first: ")
    one_line(first, "no space left on the device", "free some and run the same command again")
    assert second.startswith("2\n"), said
    assert "second: 0" in second, said
    assert compare(begun.out.with_suffix(".kept"), reference.out)[1] == []


def test_a_folder_that_cannot_be_written_is_one_line_and_readers_read_on(session, reference):
    begun = session()
    shutil.copytree(reference.out, begun.out)
    read_only = (*UNSHARE, "sh", "-c", READ_ONLY, "sh", begun.out)
    code, said = begun.run("--in-process", seeds=short_runs.RUNS + 1, before=read_only)
    assert code == 2, said
    one_line(said, "the file system is read-only", "choose another --out")
    assert compare(begun.out, reference.out)[1] == []
