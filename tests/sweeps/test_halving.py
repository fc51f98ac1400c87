"""Successive halving: rungs, promotion, cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partbench.errors import UserError
from partbench.sweeps.front import oriented, ranks
from partbench.sweeps.halving import Rungs, cost, promoted
from partbench.sweeps.records import Objective, TrialRecord

ACCURACY, GAIN = Objective("accuracy", True, 0.0), Objective("consistency_gain", True, 0.0)
BOTH = [ACCURACY, GAIN]


def at_rung(*values: tuple[float, float] | None, first: int = 1) -> list[TrialRecord]:
    """Trials of one bracket with accuracy and gain; None: failed."""
    return [TrialRecord(number, {}, {}, "running", {"accuracy": value[0], "consistency_gain": value[1]}) if value
            else TrialRecord(number, {}, {}, "failed") for number, value in enumerate(values, first)]


@pytest.mark.parametrize(("epochs", "more", "rungs"), [
    (6, {}, (2, 6)), (25, {}, (3, 9, 25)), (5, {}, (2, 5)), (10, {}, (2, 4, 10)), (100, {}, (12, 34, 100)),
    (3, {}, (3,)), (1, {}, (1,)), (3, {"lowest": 1}, (1, 3)), (25, {"lowest": 4}, (9, 25)), (25, {"lowest": 25}, (25,)),
    (8, {"reduction": 2}, (2, 4, 8)), (16, {"reduction": 4, "lowest": 1}, (1, 4, 16))])
def test_rungs_lie_at_powers_of_the_reduction_below_the_full_epochs(epochs, more, rungs):
    assert Rungs.of(epochs, **more).epochs == rungs


def test_a_bracket_sends_one_trial_to_its_last_rung():
    assert [Rungs.of(epochs).bracket for epochs in (3, 6, 25)] == [1, 3, 9]


@pytest.mark.parametrize(("arguments", "message"), [
    ((0,), "0 epochs"), ((6, 1), "at least 2"), ((6, 3, 7), "give 1 to 6"), ((6, 3, 0), "give 1 to 6")])
def test_rungs_that_make_no_sense_are_one_line(arguments, message):
    with pytest.raises(UserError, match=message):
        Rungs.of(*arguments)


def test_a_third_of_the_bracket_rounded_up_goes_on_by_rank():
    assert promoted(at_rung((0.9, 0.3), (0.5, 0.2), (0.4, 0.1)), BOTH, 3) == [1]
    assert promoted(at_rung((0.1, 0.1), (0.5, 0.2), (0.9, 0.1), (0.2, 0.1)), BOTH, 3) == [2, 3]
    assert promoted(at_rung((0.1, 0.1)), BOTH, 3) == [1]
    assert promoted([], BOTH, 3) == []


def test_a_rank_that_does_not_fit_gives_first_what_adds_most_hypervolume():
    front = at_rung((1.0, 0.1), (0.9, 0.2), (0.6, 0.6), (0.55, 0.62), (0.1, 0.9), (0.05, 0.05))
    assert promoted(front, BOTH, 6) == [3]
    assert promoted(front, BOTH, 3) == [2, 3], "beside trial 3 it adds 0.06, the ends 0.04 and 0.03, trial 4 only 0.011"
    assert promoted(at_rung((0.5, 0.5), (0.5, 0.5), (0.5, 0.5)), BOTH, 3) == [1]


def test_trials_that_are_worse_than_useless_are_still_told_apart():
    assert promoted(at_rung((0.1, -0.5), (0.5, -0.3), (0.6, -0.6)), [ACCURACY, Objective("ari", True, 0.0)], 3) == [3]
    assert promoted(at_rung((0.1, -0.1), (0.5, -0.3), (0.6, -0.6)), BOTH, 3) == [2]


def test_a_trial_without_a_value_goes_on_behind_those_that_have_one():
    nothing = float("nan")
    assert promoted(at_rung((nothing, 0.1), (0.9, nothing), (0.2, 0.1), (0.1, 0.2)), BOTH, 2) == [3, 4]
    assert promoted(at_rung((0.2, nothing), (nothing, nothing), (nothing, nothing)), BOTH, 3) == [1]


def test_failed_trials_never_go_on_and_degenerate_ones_only_where_nothing_else_is_left():
    assert promoted(at_rung(None, (0.9, 0.0), (0.1, 0.1)), BOTH, 3) == [3]
    assert promoted(at_rung(None, (0.9, 0.0), (0.1, 0.1), (0.8, -0.1)), BOTH, 2) == [2, 3]
    assert promoted(at_rung(None, None, None), BOTH, 3) == []


def test_the_papers_setting_goes_on_in_addition():
    assert promoted(at_rung((0.1, 0.1), (0.5, 0.2), (0.9, 0.3), first=0), BOTH, 3) == [0, 2]
    assert promoted(at_rung((0.9, 0.9), first=0), BOTH, 3) == [0]
    assert promoted(at_rung(None, (0.5, 0.2), first=0), BOTH, 3) == [1]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 4)), max_size=10), st.integers(2, 4))
def test_as_many_go_on_as_there_are_places_and_none_is_left_behind_that_ranks_better(values, reduction):
    trials = at_rung(*values)
    chosen = promoted(trials, BOTH, reduction)
    assert chosen == promoted(trials[::-1], BOTH, reduction)
    assert len(chosen) == -(-len(values) // reduction)
    points = oriented([trial.values for trial in trials], BOTH)
    rank, taken = ranks(points, points[:, 1] > 0), np.isin(np.arange(1, len(values) + 1), chosen)
    assert rank[taken].max(initial=-1) <= rank[~taken].min(initial=99)


def test_27_trials_of_6_epochs_take_90_epochs_and_4_more_for_the_papers_setting():
    spent = cost(27, Rungs.of(6))
    assert (spent.epochs, spent.full) == (94, 162)
    assert spent.saved == pytest.approx(0.42, abs=0.001)
    assert cost(27, Rungs.of(6, lowest=6)).saved == 0


@given(st.integers(0, 40), st.integers(1, 30), st.integers(2, 4))
def test_cost_is_what_promotion_leads_to(trials, epochs, reduction):
    rungs, spent = Rungs.of(epochs, reduction), 0
    for first in range(0, trials, rungs.bracket):
        left, before = at_rung(*[(0.5, 0.5)] * min(rungs.bracket, trials - first), first=first), 0
        for rung in rungs.epochs:
            spent += len(left) * (rung - before)
            numbers, before = promoted(left, BOTH, reduction), rung
            left = [trial for trial in left if trial.number in numbers]
    assert cost(trials, rungs).epochs == spent <= cost(trials, rungs).full
