"""Files that are whole or not there, and what dead writers leave."""

import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from partbench.durable import NameTaken, leftovers, sweep, temporary_name, write_whole
from partbench.errors import UserError
from partbench.processes import owner

DAY = 24 * 3600


def of_another(name: str, mark: str) -> str:
    return temporary_name(name).replace(owner(), mark)


def dead_owner() -> str:
    code = "from partbench.processes import owner; print(owner())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_leftovers_of_the_dead_go_and_those_of_the_living_and_of_other_machines_stay(tmp_path):
    dead = dead_owner()
    place, pid, start = owner().split("-")
    folder = tmp_path / "runs" / "0123" / "checkpoints"
    folder.mkdir(parents=True)
    gone = {of_another("a", dead), of_another("b.parquet", f"{place}-{pid}-{int(start) + 1}"),  # the number used again
            temporary_name("c").replace(owner() + ".", "")}  # of a version that named no owner
    young = {temporary_name("a"), of_another("a", f"00000000-{pid}-{start}"), f".{uuid4().hex}.tmp"}
    others = {"notes.tmp", "a.parquet", f".x.{dead}.short.tmp", f"a.{uuid4().hex}.tmp"}
    for name in gone | young | others:
        (folder / name).touch()
    old = time.time() - DAY - 60
    for name in gone:
        os.utime(folder / name, (old, old))
    assert {file.name for file in leftovers(tmp_path)} == gone
    assert {file.name for file in sweep(tmp_path)} == gone
    assert set(os.listdir(folder)) == young | others
    assert sweep(tmp_path) == []


def test_a_temporary_file_of_another_machine_is_left_over_after_a_day(tmp_path):
    _, pid, start = owner().split("-")
    file = tmp_path / of_another("a", f"00000000-{pid}-{start}")
    file.touch()
    os.utime(file, (time.time() - DAY - 60,) * 2)
    assert sweep(tmp_path) == [file]


def test_another_users_process_that_proc_hides_is_not_taken_for_dead(tmp_path, monkeypatch):
    place, _, start = owner().split("-")
    (tmp_path / of_another("a", f"{place}-{2**30}-{start}")).touch()  # a number that no process has

    def not_permitted(*_):
        raise PermissionError

    assert len(list(leftovers(tmp_path))) == 1
    monkeypatch.setattr(os, "kill", not_permitted)
    assert sweep(tmp_path) == []


def test_a_forked_child_has_temporary_files_of_its_own(tmp_path):
    child = os.fork()
    if not child:
        (tmp_path / temporary_name("x")).touch()
        os._exit(0)
    os.waitpid(child, 0)
    assert len(sweep(tmp_path)) == 1


def test_sweeping_follows_no_link(tmp_path):
    elsewhere, out = tmp_path / "elsewhere", tmp_path / "out"
    elsewhere.mkdir()
    out.mkdir()
    name = of_another("a", dead_owner())
    (elsewhere / name).touch()
    (out / "runs").symlink_to(elsewhere)
    (out / name).symlink_to(elsewhere / name)
    assert sweep(out) == []


def test_a_killed_writer_leaves_what_the_next_command_removes(tmp_path):
    code = f"""
import os
from pathlib import Path
from partbench import durable
durable.os.replace = lambda *_: os.kill(os.getpid(), 9)
durable.write_whole(Path({str(tmp_path)!r}, "new", "folder", "file"), b"x" * 1000)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert len(sweep(tmp_path)) == 1
    assert list(tmp_path.rglob("*.*")) == []


def no_links(code):
    def link(*_):
        raise OSError(code, os.strerror(code))
    return link


@pytest.mark.parametrize("links", [True, False])
def test_of_many_writers_of_a_new_name_one_gets_it(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", no_links(errno.EPERM))

    def write(number):
        try:
            write_whole(tmp_path / "name", b"%d" % number, new=True, sync=False)
        except NameTaken:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(write, range(64)) if number is not None]
    assert [b"%d" % number for number in winners] == [(tmp_path / "name").read_bytes()]
    assert os.listdir(tmp_path) == ["name"]


def test_no_space_for_a_new_name_is_no_file_system_without_links(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", no_links(errno.ENOSPC))
    with pytest.raises(UserError, match="no space left"):
        write_whole(tmp_path / "name", b"x", new=True)
    assert os.listdir(tmp_path) == []


def test_a_file_system_that_syncs_no_folders_does_for_results(tmp_path, monkeypatch):
    sync = os.fsync

    def fail_for_folders(handle):
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(handle)

    monkeypatch.setattr(os, "fsync", fail_for_folders)
    write_whole(tmp_path / "a" / "b", b"x")
    assert (tmp_path / "a" / "b").read_bytes() == b"x"
