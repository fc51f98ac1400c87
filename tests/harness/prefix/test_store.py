"""The folder of views: one file is trusted, shared, evicted, or thrown away."""

import multiprocessing
import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from partbench.harness.prefix.key import PrefixKey
from partbench.harness.prefix.store import PrefixStore, warn

KEY = PrefixKey(backbone="b", weights="w", dataset_fingerprint="f", images="i", image_size=32, augmentation="a",
                blocks=8, warped=True, precision="fp32", shape=(40, 2, 5, 8), threads=1, device="cpu", torch="2")
VIEW = 40 * 2 * 5 * 8 * 2  # bytes
TOKENS = np.arange(VIEW // 2, dtype=np.float16).reshape(KEY.shape)
ALL = np.arange(40)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path))
    warn.cache_clear()
    return tmp_path / "prefix"


def filled(store, *numbers):
    for number in numbers:
        with store.open(number) as view:
            view.write(ALL.tolist(), TOKENS)


def numbers(store):
    return {file.stem for file in store.root.glob("*/*.tokens")}


def test_what_one_process_writes_another_reads():
    filled(PrefixStore(KEY), 3)
    with PrefixStore(KEY).open(3) as view:
        assert not len(view.missing(ALL))
        assert not len(view.damaged(ALL))
        np.testing.assert_array_equal(view.read([7, 2]), TOKENS[[7, 2]])
    with PrefixStore(replace(KEY, threads=2)).open(3) as view:
        assert len(view.missing(ALL)) == 40


def test_a_changed_byte_is_noticed_by_the_next_process(folder):
    store = PrefixStore(KEY)
    filled(store, 0)
    (file,) = folder.glob("*/0.tokens")
    with open(file, "r+b") as tokens:
        tokens.seek(2 * 5 * 8 * 2 * 17 + 3)
        tokens.write(b"\xff")
    with PrefixStore(KEY).open(0) as view:
        assert view.damaged(ALL).tolist() == [17]
        view.write([17], TOKENS[17:18])
        assert not len(view.damaged(ALL))


@pytest.mark.parametrize("name", ["0.tokens", "0.sums", "key.json"])
def test_a_torn_file_is_thrown_away(name, folder):
    store = PrefixStore(KEY)
    filled(store, 0)
    (file,) = folder.glob(f"*/{name}")
    os.truncate(file, file.stat().st_size // 2)
    with PrefixStore(KEY).open(0) as view:
        assert len(view.missing(ALL)) == 40
        view.write([1], TOKENS[1:2])
        assert len(view.missing(ALL)) == 39


def test_the_view_used_longest_ago_gives_way_unless_somebody_uses_it():
    store, other = PrefixStore(KEY, 3 * VIEW), PrefixStore(replace(KEY, blocks=7), 3 * VIEW)
    filled(store, 0, 1)
    filled(other, 2)
    for age, file in enumerate(sorted(store.root.glob("*/*.sums"), key=lambda file: file.stem)):
        os.utime(file, (age, age))
    with store.open(0) as held:
        filled(other, 3)
        assert numbers(store) == {"0", "2", "3"}
        np.testing.assert_array_equal(held.read([5]), TOKENS[5:6])
    filled(other, 4)
    assert numbers(store) == {"0", "3", "4"}


def test_where_nothing_may_give_way_there_is_no_view_and_one_warning(caplog):
    store = PrefixStore(KEY, VIEW)
    with store.open(0):
        assert store.open(1) is None
        assert store.open(1) is None
    assert len(caplog.records) == 1
    assert "give a larger --prefix-store" in caplog.text
    filled(store, 1)
    assert numbers(store) == {"1"}


def test_a_folder_that_cannot_be_made_costs_a_warning(folder, caplog):
    folder.write_text("a file")
    assert PrefixStore(KEY).open(0) is None
    assert "no prefix store" in caplog.text


def claiming(line):
    view = PrefixStore(KEY).open(0)
    view.write([3], TOKENS[3:4])
    line.send(view.claim(2))
    signal.pause()


def test_a_killed_process_leaves_its_images_and_neither_claim_nor_lock():
    ours, theirs = multiprocessing.Pipe()
    other = multiprocessing.get_context("fork").Process(target=claiming, args=(theirs,))
    other.start()
    assert ours.recv()
    store = PrefixStore(KEY, VIEW)
    with store.open(0) as view:
        assert [view.claim(2), view.claim(1)] == [False, True]
    assert store.open(1) is None
    other.kill()
    other.join()
    with store.open(0) as view:
        assert view.claim(2)
        assert view.missing(ALL).tolist() == [place for place in range(40) if place != 3]
    assert store.open(1) is not None
