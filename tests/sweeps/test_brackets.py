"""Successive halving in a search: winners go on, whatever fails, was trained before, or is cut short by the budget."""

from dataclasses import replace

import pytest
import toy_search as toy

from partbench.sweeps import Search


def test_the_winner_of_every_bracket_reaches_the_end(tmp_path):
    search = toy.carried_out(Search(toy.plan(rungs=toy.HALVING, sampler="random"), tmp_path / "ivpt.log"), workers=3)
    trials = search.record.trials
    assert trials[0].state == "done"
    for first in range(3, 12, 3):
        bracket = trials[first:first + 3]
        assert sorted(trial.state for trial in bracket) == ["done", "pruned", "pruned"]
        (winner,) = [trial for trial in bracket if trial.state == "done"]
        early = {trial.number: toy.values(trial.settings, 2) for trial in bracket}
        assert not any(all(early[trial.number][name] > early[winner.number][name] for name in search.plan.metrics)
                       for trial in bracket), "none was better in both"
        assert [trial.epochs for trial in bracket if trial.state == "pruned"] == [2, 2]
        assert winner.epochs == 6


@pytest.mark.parametrize(("failed", "ends"), [
    ((4,), ["done"] * 1 + ["failed"]), ((3, 4), ["failed", "failed"]), ((3, 4, 5), ["failed"] * 3)])
def test_the_rest_of_a_bracket_goes_on_where_trials_fail(tmp_path, failed, ends):
    plan = toy.plan(rungs=toy.HALVING, amount=6, sampler="random")
    search = toy.carried_out(Search(plan, tmp_path / "ivpt.log"), toy.failing(*failed))
    found = toy.states(search)[3:]
    assert found.count("failed") == len(failed)
    assert found.count("done") == (len(failed) < 3)
    assert "running" not in toy.states(search)
    assert search.tasks_left == 0


def test_a_search_in_which_all_but_the_papers_setting_fail_comes_to_its_end(tmp_path):
    for rungs in (None, toy.HALVING, toy.DEEP):
        search = Search(toy.plan(rungs=rungs, sampler="random"), tmp_path / f"{rungs is None, rungs == toy.DEEP}.log")
        toy.carried_out(search, toy.failing(*range(1, 12)), workers=2)
        assert toy.states(search) == ["done"] + ["failed"] * 11


def test_a_trial_that_fails_beyond_a_rung_keeps_what_it_had_there(tmp_path):
    search = toy.carried_out(Search(toy.plan(rungs=toy.HALVING, amount=2, sampler="random"), tmp_path / "ivpt.log"),
                             toy.failing(1, at=2))
    lost = search.record.trials[1]
    assert (lost.state, lost.epochs, lost.error) == ("failed", 2, "diverged\nin epoch 1")
    assert lost.values == pytest.approx(toy.values(lost.settings, 2))


def test_a_bracket_that_the_budget_cuts_short_is_decided_and_more_trials_begin_another(tmp_path):
    file = tmp_path / "ivpt.log"
    search = toy.carried_out(Search(toy.plan(rungs=toy.HALVING, amount=5, sampler="random"), file))
    assert sorted(toy.states(search)[3:]) == ["done", "pruned"]
    before = toy.states(search)
    more = toy.carried_out(Search(toy.plan(rungs=toy.HALVING, amount=8, sampler="random"), file))
    assert toy.states(more)[:5] == before
    assert sorted(toy.states(more)[5:]) == ["done", "pruned", "pruned"]


@pytest.mark.parametrize("farther", [3, 6])
@pytest.mark.parametrize("rungs", [toy.HALVING, toy.DEEP])
def test_a_run_that_was_trained_farther_before_is_not_sent_there_again(tmp_path, farther, rungs):
    asked = []

    def train(settings, until):
        asked.append((toy.run_of(settings), until))
        return replace(toy.train(settings, max(until, farther)), epochs=max(until, farther))

    search = toy.carried_out(Search(toy.plan(rungs=rungs, sampler="random"), tmp_path / "ivpt.log"), train, workers=2)
    assert "running" not in toy.states(search)
    assert len(asked) == len(set(asked))
    assert all(until == rungs.epochs[0] or (until == 6 and farther < 6) for _, until in asked)
    assert search.tasks_left == 0
