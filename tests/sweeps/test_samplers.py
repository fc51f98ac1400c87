"""Samplers by name: the same seed proposes the same, whatever was killed in between; what they are shown is true."""

import warnings

import pytest
import toy_search as toy

from partbench.errors import UserError
from partbench.sweeps import SAMPLERS, Objective, Search, default_sampler, importances
from partbench.sweeps.samplers import sampler

QUICK = [name for name in SAMPLERS if name != "gp"]
SLOW = pytest.param("gp", marks=pytest.mark.slow)  # imports torch
ONE, CONSISTENCY = toy.BOTH[:1], (toy.BOTH[0], Objective("consistency", True, 0.0))


def settings_of(search):
    return [trial.settings for trial in search.record.trials]


def killed_twice_in_every_trial(plan, file):
    """The search by drivers that are killed before they hear of a trial's end, and after."""
    while Search(plan, file).next_task():
        search = Search(plan, file)
        task = search.next_task()
        search.ended(task, toy.train(task.settings, task.until))
    return Search(plan, file)


@pytest.mark.parametrize("objectives", [ONE, toy.BOTH])
@pytest.mark.parametrize("name", [*QUICK, SLOW])
def test_the_same_seed_proposes_the_same_and_also_where_the_driver_is_killed(tmp_path, name, objectives):
    plan = toy.plan(objectives, sampler=name, amount=10)
    expected = settings_of(toy.carried_out(Search(plan, tmp_path / "one.log")))
    assert len(expected) == 10
    assert settings_of(killed_twice_in_every_trial(plan, tmp_path / "killed.log")) == expected
    other = settings_of(toy.carried_out(Search(toy.plan(objectives, sampler=name, amount=3, seed=1),
                                               tmp_path / "other.log")))
    assert other[0] == expected[0] == toy.PAPER
    assert other[1:] != expected[1:3]


@pytest.mark.parametrize("name", [*QUICK, SLOW])
def test_nothing_that_optuna_warns_of_reaches_the_user(tmp_path, capfd, name):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        plan = toy.plan(CONSISTENCY, sampler=name, amount=9)
        search = toy.carried_out(Search(plan, tmp_path / "ivpt.log"), worthless)
        importances(search.study, search.plan.objectives)
    assert [str(warning.message) for warning in warned] == []
    assert capfd.readouterr() == ("", "")


def worthless(settings, until):
    """A consistency that only maps which ignore the image reach: the more prototypes, the higher."""
    outcome = toy.train(settings, until)
    few = len(settings["prototypes"]) <= 2
    outcome.values.update(consistency=1.0 if not few else 0.3, consistency_gain=0.2 if few else -0.1)
    return outcome


def test_where_consistency_is_an_objective_samplers_keep_away_from_maps_that_gain_nothing(tmp_path):
    plan = toy.plan((Objective("consistency", True, 0.0),), amount=30)
    assert plan.bound
    searched = toy.carried_out(Search(plan, tmp_path / "ivpt.log"), worthless).record.trials
    assert sum(not trial.degenerate for trial in searched[15:]) > 10, "though plain consistency is higher elsewhere"


def test_a_gain_that_is_an_objective_is_no_constraint():
    assert not toy.plan().bound
    assert toy.plan(CONSISTENCY).bound


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_samplers_are_not_told_what_the_space_cannot_express(tmp_path, name):
    plan = toy.plan(sampler=name, narrowed={"prototype_rate": "0.001..0.01", "prototypes.levels": "2..3"}, amount=10)
    search = toy.carried_out(Search(plan, tmp_path / "ivpt.log"))
    paper, *others = search.record.trials
    assert not plan.space.expresses(plan.paper)
    assert paper.settings == toy.PAPER
    assert paper.params == {name: value for name, value in plan.space.params_of(plan.paper).items()
                            if name in paper.params}
    assert not {"prototype_rate", "prototypes.levels"} & set(paper.params)
    assert all(0.001 <= trial.settings["prototype_rate"] <= 0.01 for trial in others)


def test_a_space_that_expresses_the_papers_setting_has_all_its_parameters(tmp_path):
    search = toy.carried_out(Search(toy.plan(amount=1), tmp_path / "ivpt.log"))
    (paper,) = search.record.trials
    assert paper.params == search.plan.space.params_of(toy.PAPER)
    assert paper.settings == toy.PAPER


def test_a_search_beats_random_search_on_the_same_budget(tmp_path):
    def reached(name):
        search = Search(toy.plan(ONE, sampler=name, amount=30), tmp_path / f"{name}.log")
        return max(trial.values["accuracy"] for trial in toy.carried_out(search).record.trials)

    assert reached("tpe") > reached("random")


def test_the_parameter_that_matters_is_the_most_important(tmp_path):
    def only_rate(settings, until):
        outcome = toy.train(settings, until)
        outcome.values.update(accuracy=toy.values({**toy.PAPER, "prototype_rate": settings["prototype_rate"]}, until)[
            "accuracy"])
        return outcome

    search = toy.carried_out(Search(toy.plan(ONE, sampler="random", amount=40), tmp_path / "ivpt.log"), only_rate)
    found = importances(search.study, ONE)["accuracy"]
    assert max(found, key=found.get) == "prototype_rate"
    assert sum(found.values()) == pytest.approx(1)
    few = toy.carried_out(Search(toy.plan(ONE, amount=3), tmp_path / "few.log"))
    assert importances(few.study, ONE) == {}


def test_unknown_samplers_are_one_line():
    with pytest.raises(UserError, match="unknown sampler 'tpes'; did you mean 'tpe'"):
        sampler("tpes", 0, 0)


def test_the_default_sampler_is_known():
    assert {default_sampler(trials) for trials in (1, 8, 40, 100, float("inf"))} <= set(SAMPLERS)
