"""Ranks, fronts and knees."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from partbench.sweeps.front import front, knee, oriented, ranks
from partbench.sweeps.records import Objective, TrialRecord

ACCURACY = Objective("accuracy", True, 0.0)
GAIN = Objective("consistency_gain", True, 0.0)
EMPTY = Objective("empty_rate", False, 1.0)
PLAIN = Objective("consistency", True, 0.0)
POINTS = st.tuples(st.integers(0, 12), st.integers(1, 3)).flatmap(
    lambda shape: arrays(float, shape, elements=st.sampled_from([0.0, 1.0, 2.0, 3.0, np.nan])))


def trial(number: int, state: str = "done", **values: float) -> TrialRecord:
    return TrialRecord(number, {}, {}, state, values)


def numbers(trials) -> list[int]:
    return [one.number for one in trials]


def test_minimised_metrics_are_negated_and_what_is_missing_is_worst():
    values: list[Mapping[str, float]] = [{"accuracy": 0.5, "empty_rate": 0.25}, {"accuracy": float("nan")}]
    assert oriented(values, [ACCURACY, EMPTY]).tolist() == [[0.5, -0.25], [-np.inf, -np.inf]]
    assert oriented([], [ACCURACY, EMPTY]).shape == (0, 2)


def test_ranks_are_layers_of_the_front():
    points = [[1, 4], [3, 3], [4, 1], [1, 3], [3, 3], [0, 0], [np.nan, 5]]
    assert ranks(points, [True] * 7).tolist() == [0, 0, 0, 1, 0, 2, 0]


def test_an_infeasible_point_ranks_after_the_worst_feasible_one():
    assert ranks([[9, 9], [2, 2], [1, 1], [8, 8]], [False, True, True, False]).tolist() == [2, 0, 1, 3]


@given(POINTS, st.data())
def test_a_point_ranks_just_behind_the_best_ranked_of_those_that_dominate_it(points, data):
    feasible = np.array(data.draw(st.lists(st.booleans(), min_size=len(points), max_size=len(points))), bool)
    found, worst = ranks(points, feasible), np.nan_to_num(points, nan=-1)
    for i in range(len(points)):
        above = [found[j] for j in range(len(points)) if feasible[j] > feasible[i] or (
            feasible[j] == feasible[i] and (worst[j] >= worst[i]).all() and (worst[j] > worst[i]).any())]
        assert found[i] == max(above, default=-1) + 1


def test_shapes_that_do_not_belong_together_are_an_error():
    with pytest.raises(ValueError, match="belong together"):
        ranks([[1, 2]], [True, False])


def test_the_front_holds_finished_trials_best_in_the_first_objective_first():
    trials = [trial(0, accuracy=0.5, consistency_gain=0.4), trial(1, accuracy=0.9, consistency_gain=0.1),
              trial(2, accuracy=0.4, consistency_gain=0.3), trial(3, "pruned", accuracy=1, consistency_gain=1),
              trial(4, accuracy=0.9, consistency_gain=0.1), trial(5, "failed"), trial(6, accuracy=1)]
    assert numbers(front(trials, [ACCURACY, GAIN])) == [1, 4, 0]


def test_degenerate_trials_are_on_the_front_only_where_every_trial_is_one():
    sound = trial(1, accuracy=0.2, consistency=0.2, consistency_gain=0.1)
    flat = trial(2, accuracy=0.9, consistency=0.9, consistency_gain=0.0)
    assert numbers(front([sound, flat], [ACCURACY, PLAIN])) == [1]
    assert numbers(front([flat], [ACCURACY, PLAIN])) == [2]
    assert numbers(front([sound, flat], [ACCURACY])) == [2], "accuracy alone does not care"
    assert front([], [ACCURACY, PLAIN]) == ()


def test_the_knee_is_nearest_to_what_is_best_in_everything():
    best = front([trial(0, accuracy=1.0, consistency_gain=0.10), trial(1, accuracy=0.9, consistency_gain=0.40),
                  trial(2, accuracy=0.5, consistency_gain=0.45), trial(3, accuracy=0.0, consistency_gain=0.50)],
                 [ACCURACY, GAIN])
    assert knee(best, [ACCURACY, GAIN]).number == 1  # gives up 0.1 and 0.25 of the ranges


def test_the_knee_of_a_front_that_bends_inwards_is_no_extreme():
    best = front([trial(0, accuracy=1.0, consistency_gain=0.0), trial(1, accuracy=0.3, consistency_gain=0.5),
                  trial(2, accuracy=0.4, consistency_gain=0.3), trial(3, accuracy=0.0, consistency_gain=1.0)],
                 [ACCURACY, GAIN])
    assert knee(best, [ACCURACY, GAIN]).number == 1  # 0.7 and 0.5 make 0.86; 0.6 and 0.7 make 0.92; an extreme, 1


def test_the_knee_of_one_trial_is_itself_of_two_the_earlier_and_of_one_objective_the_best():
    one, other = trial(4, accuracy=0.5, empty_rate=0.1), trial(2, accuracy=0.6, empty_rate=0.2)
    assert knee([one], [ACCURACY, EMPTY]) is one
    assert knee(front([one, other], [ACCURACY, EMPTY]), [ACCURACY, EMPTY]) is other
    assert knee(front([one, other], [EMPTY]), [EMPTY]) is one


def test_trials_that_are_equally_near_tie_and_the_earlier_one_is_the_knee():
    line = [trial(9 - i, accuracy=0.1 * i, consistency_gain=0.7 - 0.07 * i) for i in range(10)]
    assert knee(line, [ACCURACY, GAIN]).number == 4  # of the two in the middle


def test_an_objective_that_all_of_the_front_share_does_not_decide():
    objectives = [ACCURACY, GAIN, EMPTY]
    best = [trial(i, accuracy=a, consistency_gain=g, empty_rate=0.3) for i, (a, g) in
            enumerate([(1.0, 0.0), (0.7, 0.7), (0.0, 1.0)])]
    assert knee(best, objectives).number == 1


def test_an_empty_front_has_no_knee():
    with pytest.raises(ValueError, match="at least one trial"):
        knee([], [ACCURACY])
