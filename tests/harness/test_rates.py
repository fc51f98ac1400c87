"""Learning rates chosen on val: the rule, the trials that it looks at, and what a request does with them."""

import json
from dataclasses import replace

import pytest

import partbench
from partbench.errors import UserError
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.rates import Choice, known_choices
from partbench.leaderboard import Store
from partbench.methods.catalogue import registry

TOY = {"methods": ["toy"], "protocol": "accuracy", "rate_factors": [0.1, 1], "rate_epochs": 2, "epochs": 2}


def choice(**accuracy):
    found = {float(factor.removeprefix("x").replace("_", ".")): value for factor, value in accuracy.items()}
    return Choice(dict.fromkeys(found, None), {factor: value for factor, value in found.items() if value != "waits"})


@pytest.mark.parametrize(("accuracies", "chosen"), [
    ({"x0_3": 0.4, "x1": 0.5}, 1), ({"x0_3": 0.5, "x1": 0.4}, 0.3),
    ({"x0_3": 0.5, "x1": 0.5, "x3": 0.5}, 1), ({"x0_5": 0.5, "x2": 0.5}, 0.5), ({"x0_1": 0.5, "x2": 0.5}, 2),
    ({"x0_3": 0.0, "x1": None}, 0.3), ({"x0_3": None, "x1": None}, None)], ids=str)
def test_the_best_on_val_is_chosen_and_of_equals_the_nearest_to_one_then_the_smaller(accuracies, chosen):
    assert choice(**accuracies).factor == chosen


def test_trials_that_all_failed_are_done_again_and_a_single_failure_is_an_answer():
    assert len(choice(x0_3=None, x1=None).waiting) == 2
    assert len(choice(x0_3=None, x1=0.1).waiting) == 0
    assert len(choice(x0_3=None, x1="waits").waiting) == 1


@pytest.mark.parametrize("factors", ["0.3,zero", [0, 1], [-1], [float("inf")], []])
def test_a_factor_is_a_positive_number(factors, asked, tmp_path):
    with pytest.raises(UserError, match="--rate-factors"):
        make_config(asked(tmp_path, rate_factors=factors))


def test_trials_are_the_same_for_every_method_and_touch_neither_test_nor_seeds_nor_what_the_run_is_fitted_on(
        asked, tmp_path):
    def trials(**changes):
        plan = make_plan(make_config(asked(tmp_path, rate_factors="0.3,1", **changes)))
        return {name: found.trials for name, found in known_choices(plan).items()}

    found = trials(seeds=[3, 4], fit_on="train+val", controls=True, fidelity_images=7)
    specs = [job.spec for jobs in found.values() for job in jobs.values()]
    assert [(spec.method, spec.rate_factor) for spec in specs] == [
        ("ivpt", 0.3), ("ivpt", 1), ("prompt_cam", 0.3), ("prompt_cam", 1)]
    assert {(spec.epochs, spec.seed, spec.fit_on) for spec in specs} == {(4, 3, "train")}
    jobs = [job for jobs in found.values() for job in jobs.values()]
    assert {(job.split, job.controls, job.out) for job in jobs} == {("val", False, f"{tmp_path}/rates")}
    assert {frozenset(job.protocol.metric_versions) for job in jobs} == {frozenset({"accuracy"})}
    again = trials(seeds=[3], methods=["ivpt"], epochs=25)
    assert [job.run_id for job in again["ivpt"].values()] == [job.run_id for job in found["ivpt"].values()]


def test_runs_that_share_a_training_share_its_trials(asked, tmp_path, with_toy, monkeypatch):
    card = replace(registry.get("toy"), explaining=("deadly_epoch",), variants={"late": {"deadly_epoch": 99}})
    monkeypatch.setitem(registry.cards, "toy", card)
    plan = make_plan(make_config(asked(tmp_path, **TOY | {"methods": ["toy@late", "toy"]})))
    late, plain = known_choices(plan).values()
    assert [job.run_id for job in late.trials.values()] == [job.run_id for job in plain.trials.values()]


@pytest.fixture(scope="module")
def toys():
    """The toy method for a whole module."""
    from toy_card import TOY

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.cards, "toy", TOY)
        yield


@pytest.fixture(scope="module")
def done(toys, harness, flags, tmp_path_factory):
    """Folder and end of one command with two factors, one of which makes the other method diverge."""
    out = tmp_path_factory.mktemp("rates")
    words = flags(out, methods=["toy", "ivpt"], epochs=2, seeds="0,1", protocol="accuracy",
                  rate_factors="0.1,1e30", rate_epochs=1)
    return out, words, harness("run", *words)


def test_every_method_tries_every_factor_and_its_runs_take_the_best(done):
    out, _, end = done
    assert end.code == 0, end.err
    assert "4 trials of 1 epochs" in end.err
    frame, problems = Store(out / "rates").read()
    assert not problems
    tried = frame[frame.status == "done"]
    assert set(tried.metric) == {"accuracy"}
    assert set(tried.split) == {"val"}
    assert set(tried.epochs) == {1}
    used = {(spec["methods"][0], *spec["rate_factors"], spec["epochs"]) for spec in (
        json.loads(file.read_text()) for file in out.glob("runs/*/spec.json"))}
    assert used == {("toy", 0.1, 2), ("ivpt", 0.1, 2)}


def test_a_trial_that_diverged_loses_and_what_was_chosen_is_kept(done):
    out, _, end = done
    told = {key.split()[0]: record for key, record in json.loads((out / "rates" / "chosen.json").read_text()).items()}
    assert told["ivpt"]["factor"] == 0.1
    well, broken = told["ivpt"]["trials"]
    assert (well["factor"], broken["factor"], broken["accuracy"]) == (0.1, 1e30, None)
    assert 0 <= well["accuracy"] <= 1
    assert "failed" in end.err


def test_no_leaderboard_shows_a_trial(done):
    frame = partbench.leaderboard.load(done[0])
    assert set(frame.status) <= {"done", "not_applicable"}
    assert set(frame.epochs) == {2}
    assert frame.run_id.nunique() == 4


def test_the_same_command_again_does_no_trial_and_no_run(done, harness):
    out, words, _ = done
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*.parquet")}
    end = harness("run", *words)
    assert end.code == 0, end.err
    assert end.out.startswith("4 of 4 runs were finished before")
    assert "trials of" not in end.err
    assert {file: file.stat().st_mtime_ns for file in out.rglob("*.parquet")} == before


def test_a_dry_run_tells_how_many_trials_are_to_do_and_what_was_chosen(done, harness, flags, tmp_path):
    _, words, _ = done
    known = harness("run", *words, "--dry-run").out
    assert "trials" not in known
    assert known.count("x 0.1") == 4
    assert known.count("finished") == 4
    fresh = harness("run", *words, "--out", tmp_path / "fresh", "--dry-run").out
    assert "before them 4 trials of 1 epochs" in fresh
    assert not (tmp_path / "fresh").exists()


def test_where_every_trial_failed_the_run_fails_with_one_line_and_the_others_go_on(toys, harness, flags, tmp_path):
    words = flags(tmp_path, methods=["toy", "ivpt"], epochs=2, set=["ivpt.head_rate=1e30"],
                  protocol="accuracy", rate_factors="0.5,1", rate_epochs=1)
    end = harness("run", *words)
    assert end.code == 1
    frame, _ = Store(tmp_path).read()
    [failed] = frame[frame.status == "failed"].itertuples()
    assert failed.method == "ivpt"
    assert "all 2 trials of its learning rate failed" in failed.error
    assert set(frame[frame.status == "done"].method) == {"toy"}
    assert len([line for line in end.err.splitlines() if line.startswith("ivpt seed 0: failed (all 2")]) == 1


def test_trials_that_were_stopped_end_the_command_and_go_on_with_the_next(toys, asked, tmp_path, monkeypatch):
    from partbench.harness import api

    calls = []

    def stopped(jobs, config, console, budget):
        calls.append([job.run_id for job in jobs])
        return {jobs[0].run_id: "done", jobs[1].run_id: "interrupted"}

    with monkeypatch.context() as patch:
        patch.setattr(api, "carry_out", stopped)
        with pytest.raises(KeyboardInterrupt):
            partbench.run(**asked(tmp_path, **TOY))
    assert not list((tmp_path / "rates").glob("chosen.json"))
    table = partbench.run(**asked(tmp_path, **TOY))
    assert set(table.status) <= {"done", "not_applicable"}
    assert len(calls) == 1
    assert len(list((tmp_path / "rates" / "runs").iterdir())) == 2


def test_one_factor_multiplies_the_rates_without_any_trial(toys, asked, tmp_path):
    partbench.run(**asked(tmp_path, **TOY | {"rate_factors": [0.5]}))
    assert not (tmp_path / "rates").exists()
    [spec] = (json.loads(file.read_text()) for file in tmp_path.glob("runs/*/spec.json"))
    assert spec["rate_factors"] == [0.5]
