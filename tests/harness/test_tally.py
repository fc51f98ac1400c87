"""How far many runs have come."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partbench.harness.console.tally import Tally
from partbench.harness.progress import Event

RUNS = 6


def jobs(*kinds: str) -> list:
    return [SimpleNamespace(run_id=str(number), spec=SimpleNamespace(name=kind)) for number, kind in enumerate(kinds)]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_left_counts_what_waits_by_what_its_own_method_took():
    clock = Clock()
    tally = Tally(jobs("slow", "slow", "quick", "quick"), clock)
    assert (tally.seconds_left, tally.share) == (None, 0.0)
    tally.event("2", Event("train", done=1, total=10))
    tally.event("0", Event("train", done=1, total=100))
    clock.now = 10.0
    tally.event("0", Event("train", done=71, total=100))
    tally.event("2", Event("train", done=10, total=10))
    tally.end("2", "done")
    # 70 and 9 units in 10 seconds; 29, another slow one and another quick one are left.
    assert tally.seconds_left == pytest.approx(10 * (29 + 100 + 10) / 79)
    assert tally.share == pytest.approx(81 / 220)


def test_what_an_earlier_command_did_is_done_but_no_sign_of_speed():
    clock = Clock()
    tally = Tally(jobs("one"), clock)
    tally.event("0", Event("train", done=90, total=100))
    clock.now = 10.0
    tally.event("0", Event("train", done=91, total=100))
    assert tally.share == pytest.approx(0.91)
    assert tally.seconds_left == pytest.approx(90)


DONE = st.floats(0, 120)


@given(st.lists(st.tuples(st.integers(0, RUNS - 1), st.sampled_from(["event", "done", "failed"]), DONE)))
def test_every_run_is_counted_once_whatever_comes_when(heard):
    clock = Clock()
    tally, ended = Tally(jobs(*"aabbbc"), clock), set()
    for run, what, done in heard:
        if run in ended:
            continue
        clock.now += 1
        if what == "event":
            tally.event(str(run), Event("train", done=done, total=100))
        else:
            tally.end(str(run), what)
            ended.add(run)
        assert tally.ended == len(ended)
        assert tally.waiting + len(tally.under_way) + tally.ended == RUNS
        assert 0 <= tally.share <= 1
        assert tally.seconds_left is None or tally.seconds_left >= 0
