"""A search spends its budget and no more, whatever it is counted in, alone and beside others."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import toy_search as toy
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.errors import UserError
from partbench.sweeps import Rungs, Search, TrialOutcome, carry_out
from partbench.sweeps.halving import cost


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("rungs", [None, toy.HALVING, toy.DEEP])
def test_a_budget_of_trials_is_carried_out(tmp_path, workers, rungs):
    search = toy.carried_out(Search(toy.plan(rungs=rungs, sampler="random"), tmp_path / "ivpt.log"), workers=workers)
    assert len(search.record.trials) == 12
    assert set(toy.states(search)) <= {"done", "pruned"}
    assert search.record.trials[0].settings == toy.PAPER
    assert search.spent == 1
    assert search.tasks_left == 0
    assert search.next_task() is None
    assert sum(trial.epochs for trial in search.record.trials) == cost(12, search.plan.rungs).epochs


def test_trials_are_added_later_and_a_lower_budget_asks_for_nothing(tmp_path):
    file = tmp_path / "ivpt.log"
    toy.carried_out(Search(toy.plan(amount=4), file))
    more = toy.carried_out(Search(toy.plan(amount=7), file))
    assert len(more.record.trials) == 7
    less = Search(toy.plan(amount=2), file)
    assert less.next_task() is None
    assert less.tasks_left == 0
    assert len(toy.carried_out(less).record.trials) == 7
    assert less.spent == 3.5


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(6, 24), min_size=1, max_size=3), st.sampled_from([Rungs((6,), 3), toy.HALVING, toy.DEEP]),
       st.integers(1, 5))
def test_a_budget_of_epochs_is_never_exceeded_also_where_it_grows(tmp_path_factory, amounts, rungs, workers):
    file = tmp_path_factory.mktemp("epochs") / "ivpt.log"
    for amount in sorted(amounts):
        search = Search(toy.plan(amount=amount, unit="epochs", rungs=rungs, sampler="random"), file)
        toy.carried_out(search, workers=workers)
        taken = sum(trial.epochs for trial in search.record.trials)
        assert taken <= amount
        assert taken == pytest.approx(search.spent * amount)
        assert search.tasks_left == 0
        assert "running" not in toy.states(search)
    if len(amounts) == 1:
        assert taken == max(cost(n, rungs).epochs for n in range(41) if cost(n, rungs).epochs <= amount)


def test_a_budget_of_minutes_counts_training_and_scoring(tmp_path):
    search = toy.carried_out(Search(toy.plan(amount=5, unit="minutes"), tmp_path / "ivpt.log"))
    assert len(search.record.trials) == 5, "of 60 seconds each"
    assert search.spent == 1
    assert search.tasks_left == 0


def test_minutes_end_where_every_trial_but_the_papers_fails_at_once(tmp_path):
    search = Search(toy.plan(amount=0.1, unit="minutes", sampler="random"), tmp_path / "ivpt.log")

    def train(settings, until):
        return TrialOutcome("run", {"accuracy": 0.5, "consistency_gain": 0.1}, 6, 1.0) if settings == toy.PAPER \
            else TrialOutcome("", error="refused")

    assert toy.states(toy.carried_out(search, train)) == ["done"] + ["failed"] * 5


@pytest.mark.parametrize("amount", [0, -1, float("nan")])
def test_a_budget_of_nothing_is_one_line(amount):
    with pytest.raises(UserError, match="needs a budget above zero"):
        toy.plan(amount=amount)


@pytest.mark.parametrize(("unit", "amount", "workers"), [
    ("trials", 9, 1), ("trials", 9, 5), ("epochs", 54, 2), ("minutes", 9, 2)])
def test_searches_side_by_side_get_the_same_budget_and_progress_alike(tmp_path, unit, amount, workers):
    searches = [(Search(toy.plan(amount=amount, unit=unit, seed=seed, sampler="random"), tmp_path / f"{seed}.log"),
                 toy.at_once()) for seed in range(3)]
    for _ in carry_out(searches, workers):
        shares = [search.spent for search, _ in searches]
        assert max(shares) - min(shares) <= 2 / 9 + 1e-9
    assert [len(search.record.trials) for search, _ in searches] == [9, 9, 9]
    assert [search.spent for search, _ in searches] == pytest.approx([1, 1, 1])


def test_as_many_trials_are_under_way_as_asked_for_and_no_more(tmp_path):
    lock, now, all_three = threading.Lock(), [], threading.Barrier(3, timeout=60)

    def train(settings, until):
        with lock:
            now.append(settings)
            assert len(now) <= 3
        all_three.wait()
        with lock:
            now.remove(settings)
        return toy.train(settings, until)

    searches = [Search(toy.plan(amount=6, seed=seed, sampler="random"), tmp_path / f"{seed}.log") for seed in range(2)]
    with ThreadPoolExecutor(8) as pool:
        submit = lambda settings, until, split: pool.submit(train, settings, until)  # noqa: E731
        for _ in carry_out([(search, submit) for search in searches], 3):
            pass
    assert all(toy.states(search) == ["done"] * 6 for search in searches)


def test_what_is_left_to_do_is_counted_in_tasks(tmp_path):
    for unit, amount in (("trials", 12), ("epochs", cost(12, toy.DEEP).epochs)):
        search = Search(toy.plan(rungs=toy.DEEP, amount=amount, unit=unit, sampler="random"), tmp_path / f"{unit}.log")
        left, ends = [search.tasks_left], 0
        for _ in carry_out([(search, toy.at_once())], 1):
            ends += 1
            left.append(search.tasks_left)
        assert left[0] == ends
        assert left[-1] == 0
        assert left == sorted(left, reverse=True)
