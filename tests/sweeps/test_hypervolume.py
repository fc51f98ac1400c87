"""Hypervolume, and what a search has reached against its budget."""

from datetime import UTC, datetime, timedelta
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from partbench.sweeps.best_so_far import best_so_far
from partbench.sweeps.hypervolume import hypervolume, hypervolume_of
from partbench.sweeps.records import Objective, SearchRecord, TrialRecord

ACCURACY = Objective("accuracy", True, 0.25)
GAIN = Objective("consistency_gain", True, 0.0)
EMPTY = Objective("empty_rate", False, 1.0)
GRIDS = st.tuples(st.integers(0, 6), st.integers(1, 4)).flatmap(
    lambda shape: arrays(float, shape, elements=st.integers(-1, 4).map(float)))
START = datetime(2025, 1, 1, tzinfo=UTC)


def cells(points: np.ndarray) -> int:
    """Unit cells of the positive orthant below at least one point of an integer grid."""
    return sum(bool((points > cell).all(1).any()) for cell in product(range(4), repeat=points.shape[1]))


def trial(number: int, state: str = "done", minute: float = 0, epochs: int = 6, **values: float) -> TrialRecord:
    return TrialRecord(number, {}, {}, state, values, epochs, 30.0,
                       finished=None if state == "running" else START + timedelta(minutes=minute))


def search(objectives, *trials: TrialRecord) -> SearchRecord:
    return SearchRecord("s", "ivpt", "cub", "b", 112, tuple(objectives), 6, 10, "trials", "tpe", 0, trials)


def test_known_volumes():
    assert hypervolume([[1, 3], [2, 2], [3, 1], [1, 1]], [0, 0]) == 6
    assert hypervolume([[3, 1, 1], [1, 3, 1], [1, 1, 3]], [0, 0, 0]) == 7
    assert hypervolume([[0.9], [0.4]], [0.5]) == pytest.approx(0.4)
    assert hypervolume([[0.5] * 6, [1, 1, 1, 1, 1, 0.25]], [0] * 6) == pytest.approx(0.25 + 0.25 * 0.5**5)
    assert hypervolume(np.empty((0, 3)), [0, 0, 0]) == 0


@given(GRIDS)
@settings(deadline=None)
def test_volume_is_the_number_of_cells_below_integer_points(points):
    assert hypervolume(points, np.zeros(points.shape[1])) == cells(points)


@given(GRIDS, st.data())
@settings(deadline=None)
def test_order_does_not_matter_and_a_further_point_never_takes_away(points, data):
    reference = np.full(points.shape[1], -0.5)
    shuffled = points[data.draw(st.permutations(range(len(points))))]
    volume = hypervolume(points, reference)
    assert hypervolume(shuffled, reference) == pytest.approx(volume)
    assert hypervolume(points[1:], reference) <= volume + 1e-9


def test_a_point_that_is_not_better_than_the_reference_everywhere_adds_nothing():
    assert hypervolume([[5, 1], [np.nan, 9], [2, 3], [-np.inf, 9]], [1, 1]) == 2


@pytest.mark.parametrize(("points", "reference", "message"), [
    ([[1, 2]], [0], "belong together"), ([1, 2], [0, 0], "belong together"),
    ([[1, 2]], [0, np.nan], "finite"), ([[np.inf, 2]], [0, 0], "finite")])
def test_what_has_no_volume_is_an_error(points, reference, message):
    with pytest.raises(ValueError, match=message):
        hypervolume(points, reference)


def test_hypervolume_of_trials_is_measured_from_useless_and_counts_finished_ones_that_are_not_degenerate():
    trials = [trial(0, accuracy=0.75, empty_rate=0.5), trial(1, "pruned", accuracy=1.0, empty_rate=0.0),
              trial(2, accuracy=0.5, empty_rate=0.25)]
    assert hypervolume_of(trials, [ACCURACY, EMPTY]) == pytest.approx(0.5 * 0.5 + 0.25 * 0.25)
    plain = [ACCURACY, Objective("consistency", True, 0.0)]
    assert hypervolume_of([trial(0, accuracy=0.75, consistency=0.9, consistency_gain=0.0)], plain) == 0
    assert hypervolume_of([], plain) == 0


def test_best_so_far_counts_what_pruned_and_failed_trials_spent():
    record = search([EMPTY], trial(0, minute=3, empty_rate=0.5), trial(1, "pruned", 1, 2, empty_rate=0.0),
                    trial(2, "failed", 2, 1), trial(3, minute=5, empty_rate=0.7), trial(4, minute=6, empty_rate=0.2),
                    trial(5, "running", empty_rate=0.0))
    assert best_so_far(record) == [(3, 0.5), (4, 0.5), (5, 0.2)]
    assert best_so_far(record, "epochs") == [(9, 0.5), (15, 0.5), (21, 0.2)]
    assert best_so_far(record, "minutes") == [(1.5, 0.5), (2.0, 0.5), (2.5, 0.2)]


def test_best_so_far_is_hypervolume_of_several_objectives_and_skips_degenerate_values_of_one():
    record = search([ACCURACY, EMPTY], trial(1, minute=1, accuracy=0.75, empty_rate=0.5),
                    trial(0, minute=2, accuracy=0.5, empty_rate=0.25))
    assert best_so_far(record) == [(1, 0.25), (2, 0.3125)]
    record = search([GAIN], trial(0, minute=1, consistency_gain=-0.1), trial(1, minute=2, consistency_gain=0.1))
    assert best_so_far(record) == [(2, 0.1)]
