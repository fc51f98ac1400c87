"""Writes are whole or absent, whatever interrupts them."""

import errno
import os
import subprocess
import sys
import time

import pytest

from partbench.errors import UserError
from partbench.leaderboard import Store

RUN, PROTOCOL = "0123456789abcdef", "1a2b3c4d"


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(("code", "mend"), [(errno.ENOSPC, "no space left"), (errno.EROFS, "read-only"),
                                            (errno.EACCES, "permission denied")])
def test_a_failed_write_is_one_line_and_leaves_the_old_file(store, row, tmp_path, monkeypatch, step, code, mend):
    store.write_scores(RUN, PROTOCOL, "test", [row(value=0.1)])

    def fail(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(UserError, match=mend) as caught:
            store.write_scores(RUN, PROTOCOL, "test", [row(value=0.2)])
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path / "rows") == [f"{RUN}.{PROTOCOL}.parquet"]
    assert store.read()[0]["value"].tolist() == [0.1]


def test_a_file_in_the_place_of_out_is_named_before_any_training(tmp_path):
    (tmp_path / "out").write_text("a file")
    for out in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(UserError, match=r"file, not a folder; choose another --out"):
            Store(out).check_writable()


def test_an_unknown_file_system_is_a_user_error():
    with pytest.raises(UserError, match="nosuchfs"):
        Store("nosuchfs://bucket/results")


def test_a_killed_writer_leaves_whole_files_only(store, tmp_path):
    code = f"""
from partbench.leaderboard import Row, Store
store = Store({str(tmp_path)!r})
for i in range(10**6):
    run = f"{{i:016x}}"
    store.write_scores(run, "p", "test", [Row(run_id=run, metric=str(m), protocol_id="p", method="m", dataset="d",
                                              value=0.5, error="x" * 5000) for m in range(20)])
"""
    writer = subprocess.Popen([sys.executable, "-c", code])
    try:
        deadline = time.monotonic() + 60
        while len(store.folder.list("rows")) < 20 and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        writer.kill()
        writer.wait()
    frame, problems = store.read()
    assert problems == []
    assert frame["run_id"].nunique() == len(store.finished("p", "test")) >= 20
    assert (frame.groupby("run_id").size() == 20).all()
