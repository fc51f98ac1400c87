"""What the user keeps of a search."""

import pytest

from partbench.errors import UserError
from partbench.sweeps.front import front, knee
from partbench.sweeps.records import Objective, TrialRecord
from partbench.sweeps.selection import Selection

KNOWN = ["accuracy", "consistency", "consistency_gain", "empty_rate", "purity"]
BOTH = [Objective("accuracy", True, 0.0), Objective("consistency_gain", True, 0.0)]


def trial(number: int, accuracy: float, gain: float, state: str = "done", **more: float) -> TrialRecord:
    return TrialRecord(number, {}, {}, state, {"accuracy": accuracy, "consistency_gain": gain, **more})


TRIALS = [trial(0, 0.80, 0.10, empty_rate=0.3), trial(1, 0.85, 0.20, empty_rate=0.3), trial(2, 0.70, 0.40),
          trial(3, 0.95, 0.05, empty_rate=0.1), trial(4, 0.99, 0.90, "pruned"), trial(5, 0.97, 0.0, empty_rate=0.0)]


def chosen(text: str, trials=TRIALS, objectives=BOTH) -> int:
    return Selection.parse(text, KNOWN).choose(trials, objectives).number


@pytest.mark.parametrize(("text", "number"), [
    ("accuracy>=0.8,max:consistency_gain", 1), (" accuracy >= 80% , max: consistency_gain ", 1),
    ("accuracy>0.8,min:consistency_gain", 3), ("min:empty_rate", 3), ("max:accuracy", 3), ("accuracy<0.8", 2),
    ("accuracy>=.8,accuracy<9e-1,knee", 1), ("consistency_gain<0.1,accuracy<95.5%", 3)])
def test_a_goal_is_sought_among_the_trials_that_satisfy_the_constraints(text, number):
    assert chosen(text) == number


def test_the_knee_is_the_default_and_is_that_of_the_trials_which_satisfy():
    assert Selection.parse("knee", KNOWN) == Selection()
    assert chosen("knee") == knee(front(TRIALS, BOTH), BOTH).number == 1
    satisfying = [trial for trial in TRIALS if trial.values["accuracy"] < 0.85]
    assert chosen("accuracy<85%") == knee(front(satisfying, BOTH), BOTH).number == 0  # of two, the earlier


def test_per_cent_is_exactly_the_fraction():
    for number in range(1, 1000):
        assert Selection.parse(f"accuracy>={number / 10}%", KNOWN).constraints[0].limit == float(f"{number}e-3")


def test_equal_goals_are_told_apart_by_rank_and_then_by_number():
    assert chosen("max:empty_rate") == 1  # trials 0 and 1 reach 0.3; 1 dominates 0
    twins = [trial(7, 0.5, 0.5), trial(3, 0.5, 0.5)]
    assert chosen("max:accuracy", twins) == 3


def test_a_degenerate_trial_is_chosen_only_if_no_other_satisfies():
    assert chosen("accuracy>=0.96") == 5
    assert chosen("accuracy>=0.9,max:accuracy") == 3
    accuracy_alone = BOTH[:1]
    assert chosen("max:accuracy", objectives=accuracy_alone) == 5, "no consistency is asked for"
    assert chosen("consistency_gain<0.3,max:accuracy", objectives=accuracy_alone) == 3


@pytest.mark.parametrize(("text", "message"), [
    ("", "empty"), ("  ", "empty"), ("accuracy", "cannot read 'accuracy'"), ("accuracy>=0.8,", "cannot read ''"),
    ("accuracy=0.8", "cannot read"), ("accuracy>=nan", "cannot read"), ("accuracy>=0.8 max:accuracy", "cannot read"),
    ("acuracy>=0.8", "did you mean 'accuracy'"), ("max:nothing_like_it", "known: accuracy, "),
    ("max:accuracy,min:empty_rate", "more than one goal"), ("knee,max:accuracy", "more than one goal"),
    ("max:purity", "no finished trial has a value of 'purity'; select by accuracy, consistency_gain, empty_rate"),
    ("accuracy>=98%", "no finished trial has accuracy>=98%: accuracy is 97% at the highest; loosen"),
    ("accuracy>=80", "accuracy is 0.97 at the highest; per cent are written 80%"),
    ("accuracy<0.7", "accuracy is 0.7 at the lowest"),
    ("accuracy>=0.9,consistency_gain>=0.2",
     "no finished trial of those with accuracy>=0.9 has consistency_gain>=0.2: consistency_gain is 0.05 at the"),
    ("consistency_gain>=0.4,empty_rate<1", "empty_rate has no value"),
])
def test_what_cannot_be_selected_is_one_line(text, message):
    with pytest.raises(UserError) as error:
        chosen(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_search_without_a_finished_trial_says_so():
    with pytest.raises(UserError, match="no trial of the search has finished"):
        chosen("knee", [trial(0, 0.5, 0.5, "pruned"), TrialRecord(1, {}, {}, "failed")])
