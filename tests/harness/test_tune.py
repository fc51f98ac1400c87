"""`harness tune` from the command line: rows, resuming, halving, keeping a setting and testing it."""

import json
import re
import shutil

import pytest
import yaml

import partbench
from partbench.errors import UserError
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.trial import Outcome, Trial, run_job
from partbench.harness.tune.config import TuneConfig
from partbench.harness.tune.final import read_tests
from partbench.harness.tune.folder import Begun, sweep_folder
from partbench.harness.tune.pages import searched
from partbench.harness.tune.plans import begun_plan, prepared
from partbench.leaderboard import ClassSums, Store, boards, rankings
from partbench.methods.catalogue import registry

SEARCH = ["--search", "toy.dropout=0.01..0.9"]


@pytest.fixture(scope="module")
def birds(write_tiny_cub, tmp_path_factory):
    """Pictures of which val holds two of each class, so that there is a consistency gain."""
    return write_tiny_cub(tmp_path_factory.mktemp("birds") / "cub", train=16, test=4)


@pytest.fixture(scope="module", autouse=True)
def toys():
    """The toy method for the whole module."""
    from toy_card import TOY

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.cards, "toy", TOY)
        yield


@pytest.fixture(scope="module")
def tune(harness, flags, birds):
    """``tune(out, *words, **changes)``: a search over the toy's dropout, of four trials unless told otherwise."""
    def search(out, *words, **changes):
        request = {"methods": ["toy"], "data_root": str(birds), "epochs": 4, "trials": 4, "sampler": "random",
                   "name": "s", "seeds": "0,1"} | changes
        return harness("tune", *flags(out, **request), *words)
    return search


@pytest.fixture
def request_of(birds, tmp_path):
    """``request_of(**changes)``: a search over the toy's dropout, as Python has it."""
    def ask(**changes):
        request = {"methods": ("toy",), "dataset": "cub", "data_root": str(birds), "weights": "random", "epochs": 4,
                   "backbone": "vit_tiny_patch16_224", "image_size": 32, "search": {"toy.dropout": "0.1..0.5"},
                   "out": str(tmp_path)}
        return TuneConfig(**request | changes)
    return ask


def trials(out, name="s", method="toy"):
    """The trials as the folder has them."""
    return searched(sweep_folder(out, name), method).record.trials


def rows(out):
    """Rows of trials."""
    frame = partbench.leaderboard.load(out)
    return frame[frame.split == "val"]


def stamps(out, pattern="rows/*.parquet"):
    return {file: file.stat().st_mtime_ns for file in out.glob(pattern)}


@pytest.fixture(scope="module")
def done(tune, tmp_path_factory):
    """Folder and end of a search in which a setting breaks some trials."""
    out = tmp_path_factory.mktemp("done")
    return out, tune(out, *SEARCH, "--search", "toy.broken_epoch=null|0", trials=6)


def test_every_trial_is_a_row_per_objective_on_val_and_a_failure_one_that_says_why(done):
    out, end = done
    assert end.code == 0, end.err
    assert [trial.number for trial in trials(out)] == list(range(6))
    states = {trial.run_id: trial.state for trial in trials(out)}
    assert set(states.values()) == {"done", "failed"}
    frame = partbench.leaderboard.load(out)
    assert (set(frame.split), set(frame.sweep), set(frame.run_id)) == ({"val"}, {"s"}, set(states))
    for run, found in frame.groupby("run_id"):
        if states[run] == "done":
            assert set(found.metric) == {"accuracy", "consistency_gain"}
            assert set(found.status) == {"done"}
        else:
            assert set(found.status) == {"failed"}
            assert "decay is inf" in found.error.iloc[0]


def test_the_papers_setting_is_trial_0_and_values_are_those_of_the_rows(done):
    out, _ = done
    first, *others = trials(out)
    assert first.settings["dropout"] == 0.3
    assert all(trial.settings["dropout"] != 0.3 for trial in others)
    frame = rows(out)
    for trial in trials(out):
        found = frame[(frame.run_id == trial.run_id) & (frame.status == "done")]
        assert dict(zip(found.metric, found.value, strict=True)) == pytest.approx(dict(trial.values), abs=1e-12)


def test_no_board_shows_a_trial_and_the_list_of_runs_says_of_which_sweep_one_is(done, harness):
    out, _ = done
    frame = partbench.leaderboard.load(out)
    assert boards(frame) == []
    listed = harness("list", "runs", "--out", out).out
    assert "sweep" in listed.splitlines()[0]
    assert len(re.findall(r"\bval\s+s\s", listed)) == 6


def test_in_a_pipe_there_is_a_line_for_every_trial_with_its_values_and_the_time_left(done):
    _, end = done
    told = [line for line in end.err.splitlines() if line.startswith("toy trial")]
    assert len(told) == 6
    assert re.match(r"toy trial 0 \(run \w{8}, [\d:]+\): accuracy [\d.]+ %, consistency gain -?[\d.]+ %", told[0])
    assert all(re.search(r"\[(about [\d:]+ left|nothing left to do)\]", line) for line in told)
    assert any("failed (Diverged: loss broke" in line for line in told)
    assert len(end.err.splitlines()) < 12


def test_the_same_command_again_does_nothing_and_says_the_same(done, tune):
    out, end = done
    before = stamps(out)
    again = tune(out, *SEARCH, "--search", "toy.broken_epoch=null|0", trials=6)
    assert (again.code, again.out) == (0, end.out)
    assert "trial 0" not in again.err
    assert stamps(out) == before


def test_trials_are_added_later_and_those_there_were_stay_as_they_are(tune, tmp_path):
    assert tune(tmp_path, *SEARCH, trials=2, sampler=None).code == 0
    few, before = trials(tmp_path), stamps(tmp_path)
    assert tune(tmp_path, *SEARCH, trials=3, sampler=None).code == 0
    assert trials(tmp_path)[:2] == few
    assert len(trials(tmp_path)) == 3
    assert {file: stamp for file, stamp in stamps(tmp_path).items() if file in before} == before


def test_a_search_keeps_its_sampler_whatever_the_default_for_a_larger_budget_is(request_of, monkeypatch):
    few = request_of(budget="3", name="s")
    (before,) = prepared(few)
    folder = sweep_folder(few.out, "s")
    folder.remember("toy", Begun(few, before.job.spec, before.job.protocol.id, before.plan.sampler))
    monkeypatch.setattr("partbench.harness.tune.plans.default_sampler", lambda trials: "nsga2")
    (after,) = prepared(request_of(budget="300", name="s"))
    assert after.plan.sampler == before.plan.sampler == begun_plan(folder, "toy").sampler != "nsga2"


def test_the_page_links_every_run_and_report_draws_it_again_without_the_data(done, harness, birds, tmp_path):
    out = shutil.copytree(done[0], tmp_path / "copy")
    page, hidden = out / "report" / "sweep-s.html", birds.with_name("hidden")
    first = page.read_bytes()
    assert all(f"../runs/{trial.run_id}/" in first.decode() for trial in trials(out))
    shutil.rmtree(out / "report")
    birds.rename(hidden)
    try:
        end = harness("report", "--out", out)
    finally:
        hidden.rename(birds)
    assert (end.code, end.err) == (0, "")
    assert page.read_bytes() == first
    assert 'href="sweep-s.html"' in (out / "report" / "sweeps.html").read_text()


def test_a_sweep_whose_journal_is_torn_keeps_no_other_page_from_being_drawn(done, harness, tmp_path):
    out = shutil.copytree(done[0], tmp_path / "copy")
    shutil.copytree(out / "sweeps" / "s", out / "sweeps" / "broken")
    (out / "sweeps" / "broken" / "toy.log").write_text("{}\n")
    end = harness("report", "--out", out)
    assert end.code == 0
    assert "warning: sweep broken: " in end.err
    assert not (out / "report" / "sweep-broken.html").exists()


def test_status_says_how_far_a_search_has_come_by_its_command_its_name_or_for_all(done, tune, harness):
    out, _ = done
    said = tune(out, *SEARCH, "--search", "toy.broken_epoch=null|0", "--status", trials=6)
    assert said.code == 0, said.err
    assert re.match(r"s: toy: \d done, \d failed; best accuracy .*; budget 6 trials, \d+ epochs and ", said.out)
    assert harness("tune", "--status", "--out", out, "--name", "s").out == said.out
    assert harness("tune", "--status", "--out", out).out == said.out
    lost = harness("tune", "--status", "--out", out, "--name", "t")
    assert (lost.code, lost.err) == (2, "error: unknown search 't'; known: s\n")


@pytest.fixture(scope="module")
def halved(tune, tmp_path_factory):
    """Folder and end of a search that stops trials early."""
    out = tmp_path_factory.mktemp("halved")
    return out, tune(out, *SEARCH, "--halving", epochs=6, trials=4)


def test_trials_that_are_stopped_early_keep_their_value_and_say_after_how_many_epochs(halved):
    out, end = halved
    assert end.code == 0, end.err
    states = {trial.run_id: (trial.state, trial.epochs) for trial in trials(out)}
    # Two brackets, of three and one: trial 0 goes on in addition to one of the others, and so does the last.
    assert sorted(states.values()) == [("done", 6)] * 3 + [("pruned", 2)]
    frame = rows(out)
    assert {run: (found.status.iloc[0], found.epochs.iloc[0]) for run, found in frame.groupby("run_id")} == states
    assert len(frame) == 8
    assert frame.value.notna().all()
    assert "stopped after 2 of 6 epochs" in end.err


def test_a_stopped_trial_is_why_it_is(halved, harness):
    out, _ = halved
    run = next(trial.run_id for trial in trials(out) if trial.state == "pruned")
    assert harness("why", run, "--out", out).out.startswith(f"{run}  pruned: after 2 epochs")


@pytest.fixture(scope="module")
def tested(tune, tmp_path_factory):
    """Folder and end of a finished search that was asked for its final runs later."""
    out, words = tmp_path_factory.mktemp("tested"), ["--search", "toy.rate=0.3..3", "--set", "toy.rate=1e-6"]
    assert tune(out, *words, trials=3).code == 0
    before = stamps(out)
    words += ["--final", "--select", "max:accuracy"]
    return out, words, tune(out, *words, trials=3), before


def test_final_alone_trains_no_trial_and_tests_both_settings_on_the_same_seeds(tested):
    out, _, end, before = tested
    assert end.code == 0, end.err
    assert {file: stamp for file, stamp in stamps(out).items() if file in before} == before
    frame = partbench.leaderboard.load(out)
    frame = frame[frame.split == "test"]
    assert set(frame.fit_on) == {"train+val"}
    assert {(sweep, seed) for sweep, seed in zip(frame.sweep, frame.seed, strict=True)} == {
        ("", 0), ("", 1), ("s", 0), ("s", 1)}
    assert {json.loads(settings)["rate"] for settings in frame[frame.sweep == ""].settings} == {1e-6}
    assert len(set(frame.metric)) > 10


def test_the_difference_is_that_of_the_means_on_the_leaderboard(tested):
    out, _, end, _ = tested
    [test] = read_tests(sweep_folder(out, "s"), "toy")
    store = Store(out)
    [board] = boards(store.current()[0], ClassSums(store))
    means = {("" if "sweep" not in line.setup else "s", metric): score.value
             for line in board.lines for metric, score in line.scores.items()}
    assert {one.metric for one in test.differences} == {"accuracy", "consistency_gain"}
    for one in test.differences:
        assert (one.paper, one.found) == (means["", one.metric], means["s", one.metric])
        assert one.difference == pytest.approx(one.found - one.paper)
        assert one.low <= one.difference <= one.high
        assert f"{one.difference:+.4f}" in end.out
    page = (out / "report" / "sweep-s.html").read_text()
    assert "On test" in page
    assert f"the setting selected by max:accuracy, trial {test.trial}" in page


def test_a_kept_setting_that_val_does_not_show_to_be_better_comes_with_a_warning(tested):
    out, _, end, _ = tested
    one = searched(sweep_folder(out, "s"), "toy")
    pair = rows(out)[rows(out).run_id.isin({one.paper.run_id, one.chosen.run_id})].assign(sweep="")
    [board] = boards(pair, ClassSums(Store(out)))
    p_values = [ranking.pairs[0].found.p_value for found in rankings(board) for ranking in found]
    assert len(p_values) == 2
    assert min(p_values) > 0.05, "few images: what follows needs a difference that is not told"
    said = "Validation images do not show that the kept setting is better"
    assert any(said in note for note in one.notes)
    assert said in end.out
    assert said in (out / "report" / "sweep-s.html").read_text().replace("&#x27;", "'")


def test_the_kept_setting_is_a_request_for_exactly_the_runs_that_were_tested(tested, harness):
    out, _, end, _ = tested
    file = out / "sweeps" / "s" / "toy.yaml"
    assert f"kept: harness run --config {file}" in end.out
    said = yaml.safe_load(file.read_text())
    assert {key: said[key] for key in ("sweep", "seeds", "fit_on", "split")} == {
        "sweep": "s", "seeds": [0, 1], "fit_on": "train+val", "split": "test"}
    plan = make_plan(make_config({}, str(file)))
    [test] = read_tests(sweep_folder(out, "s"), "toy")
    assert {job.run_id for job in plan.jobs} < set(test.runs)
    assert not plan.todo
    before = stamps(out)
    again = harness("run", "--config", file)
    assert again.code == 0, again.err
    assert "2 of 2 runs were finished before" in again.out
    assert stamps(out) == before


def test_a_second_look_at_test_is_told_in_the_output_and_on_the_page(tested, tune, tmp_path):
    out = shutil.copytree(tested[0], tmp_path / "copy")
    record = sweep_folder(out, "s").tests("toy")
    [first] = json.loads(record.read_text())
    record.write_text(json.dumps([first | {"trial": 9, "select": "knee", "runs": ["ab"]}]))
    end = tune(out, *tested[1], trials=3)
    assert end.code == 0, end.err
    assert [test.trial for test in read_tests(sweep_folder(out, "s"), "toy")] == [9, first["trial"]]
    assert "2 settings of this search were tested" in end.out
    assert "2 settings of this search were tested" in (out / "report" / "sweep-s.html").read_text()


def test_a_search_that_keeps_the_papers_setting_trains_nothing_twice_and_says_so(tune, tmp_path):
    end = tune(tmp_path, "--search", "toy.broken_epoch=0|1", "--final", trials=3)
    assert end.code == 0, end.err
    assert [trial.state for trial in trials(tmp_path)] == ["done", "failed", "failed"]
    assert "the paper's setting is the one kept; it is tested alone, nothing is trained twice" in end.err
    frame = partbench.leaderboard.load(tmp_path)
    assert set(frame[frame.split == "test"].sweep) == {""}
    assert frame[frame.split == "test"].run_id.nunique() == 2
    assert "on test, accuracy: paper's setting" in end.out
    assert "On test" in (tmp_path / "report" / "sweep-s.html").read_text()


def test_a_final_run_that_fails_is_exit_code_1_and_the_search_is_kept(tune, tmp_path, monkeypatch):
    def final_runs_fail(job, *rest, **more):
        return Outcome(job.run_id, "failed", "no luck") if job.split == "test" else run_job(job, *rest, **more)

    monkeypatch.setattr("partbench.harness.trial.run_job", final_runs_fail)
    end = tune(tmp_path, *SEARCH, "--final", trials=2)
    assert end.code == 1, end.err
    assert re.search(r"toy: \d of \d final runs failed; see: harness why \w{16}", end.out)
    assert "On test" not in (tmp_path / "report" / "sweep-s.html").read_text()


def test_two_methods_get_the_same_budget_and_one_page(tune, tmp_path):
    end = tune(tmp_path, *SEARCH, methods=["toy", "linear_probe"], trials=2, objectives=["accuracy"])
    assert end.code == 0, end.err
    assert [len(trials(tmp_path, method=method)) for method in ("toy", "linear_probe")] == [2, 2]
    page = (tmp_path / "report" / "sweep-s.html").read_text()
    assert "On the same budget" in page
    assert all(f'id="method-{method}"' in page for method in ("toy", "linear_probe"))
    assert end.out.count("kept: harness run --config") == 2


BAD = {
    "unknown tunable": (["--search", "toy.dropuot=0..1"], "dropuot", "did you mean 'dropout'"),
    "a method that is not searched": (["--search", "ivpt.entropy=1..2"], "ivpt", "not among the methods"),
    "empty range": (["--search", "toy.dropout=0.5..0.5"], "empty range", "LOW..HIGH"),
    "inverted range": (["--search", "toy.dropout=0.5..0.1"], "empty range", "LOW..HIGH"),
    "range beyond the setting's bounds": (["--search", "toy.dropout=0.5..1.5"], "toy.dropout", "less than 1"),
    "nothing to search": ([], "has nothing to search", "--search toy.SETTING=LOW..HIGH"),
    "no text": (["--search", "toy.dropout"], "--search toy.dropout", "LOW..HIGH"),
    "unknown objective": ([*SEARCH, "--objectives", "acuracy"], "objective 'acuracy'", "did you mean 'accuracy'"),
    "objective for shared parts": (["--methods", "prompt_cam", "--objectives", "nmi"], "nmi", "classes share"),
    "zero trials": ([*SEARCH, "--trials", "0"], "--budget '0'", "above zero"),
    "negative budget": ([*SEARCH, "--budget", "-3"], "--budget '-3'", "write a number of trials"),
    "part of a trial": ([*SEARCH, "--budget", "2.5 trials"], "whole numbers"),
    "endless budget": ([*SEARCH, "--budget", f"{'9' * 400} trials"], "and an end"),
    "less than a trial": ([*SEARCH, "--budget", "3 epochs"], "less than one trial of 4", "give more"),
    "unknown sampler": ([*SEARCH, "--sampler", "tpee"], "unknown sampler 'tpee'", "did you mean 'tpe'"),
    "unknown method": (["--methods", "toyy"], "toyy", "did you mean 'toy'"),
    "one seed twice": ([*SEARCH, "--seeds", "1,1"], "--seeds", "no two are the same"),
    "a name with a slash": ([*SEARCH, "--name", "a/b"], "--name 'a/b'", "letters, digits, - and _"),
    "epochs of no final run": ([*SEARCH, "--final-epochs", "3"], "--final-epochs 3", "add --final"),
    "unknown metric in the rule": ([*SEARCH, "--select", "max:acuracy"], "'acuracy'", "did you mean 'accuracy'"),
    "metric that is not scored": ([*SEARCH, "--select", "max:nmi"], "not scored by nmi", "add it to --objectives"),
    "malformed rule": ([*SEARCH, "--select", "accuracy=>1"], "cannot read 'accuracy=>1'", "'knee'"),
    "missing weights": ([*SEARCH, "--weights", "/nowhere/w.pth"], "--weights /nowhere/w.pth", "No such file"),
    "setting of another method": ([*SEARCH, "--set", "ivtp.entropy=1"], "'ivtp'", "known: cub, protocol, toy"),
    "two budgets": ([*SEARCH, "--budget", "3", "--trials", "3"], "--trials and --budget", "give one"),
}


def refused(end, *words):
    assert end.code == 2, end.err
    last = end.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    for word in words:
        assert word in last
    return end


@pytest.mark.parametrize("case", BAD)
def test_a_search_that_cannot_work_is_one_line_and_leaves_nothing(case, tune, tmp_path):
    words, *expected = BAD[case]
    given = {flag.removeprefix("--"): None for flag in words if flag in ("--methods", "--trials", "--budget", "--seeds",
                                                                        "--sampler", "--name")}
    end = refused(tune(tmp_path / "out", *words, **given | ({"trials": None} if "--budget" in words else {})),
                  *expected)
    assert len(end.err.strip().splitlines()) == 1
    assert not (tmp_path / "out" / "sweeps").exists()


def test_a_file_of_fields_names_the_nearest_of_one_that_is_unknown(tune, tmp_path):
    (tmp_path / "f.yaml").write_text("objective: accuracy\n")
    refused(tune(tmp_path, "--config", tmp_path / "f.yaml"), "field of harness tune 'objective'", "'objectives'")


def test_a_search_can_be_written_in_a_file_and_flags_add_to_it(tune, tmp_path):
    (tmp_path / "f.yaml").write_text("search:\n  toy.dropout: [0.1, 0.2]\nbudget: 2\nobjectives: accuracy\n")
    end = tune(tmp_path, "--config", tmp_path / "f.yaml", trials=None)
    assert end.code == 0, end.err
    assert [trial.settings["dropout"] in (0.1, 0.2) for trial in trials(tmp_path)] == [False, True]


@pytest.mark.parametrize(("words", "expected"), [
    ({"data_root": "one of each class"}, ["consistency_gain of toy needs a class with two images", "--objectives"]),
    ({"objectives": ["accuracy", "planted_evidence"]}, ["planted_evidence of toy needs pictures that can be drawn"]),
    ({"objectives": ["foreground_iou"]}, ["foreground_iou of toy needs masks, and cub has none"]),
    ({"weights": "/dev/null"}, ["/dev/null"])], ids=["one val image a class", "photographs", "no masks", "weights"])
def test_what_the_data_cannot_give_is_one_line_before_anything_is_trained(words, expected, tune, tiny_cub, tmp_path):
    words = words | ({"data_root": str(tiny_cub)} if "data_root" in words else {})
    refused(tune(tmp_path, *SEARCH, **words), *expected)
    assert not list(tmp_path.glob("runs/*/checkpoints/*"))
    assert {trial.state for trial in trials(tmp_path)} <= {"running"}  # nothing is told: mended, the same goes on


def test_a_journal_of_another_search_or_a_torn_one_is_one_line_and_stays_as_it_is(done, tune, tmp_path):
    out = shutil.copytree(done[0], tmp_path / "copy")
    journal = out / "sweeps" / "s" / "toy.log"
    before = journal.read_bytes()
    refused(tune(out, *SEARCH, "--search", "toy.broken_epoch=null|0", epochs=5), "holds another search", "--name")
    assert journal.read_bytes() == before
    lines = before.splitlines(keepends=True)
    torn = b"".join([*lines[:3], lines[3][:10] + b"\n", *lines[4:]])
    journal.write_bytes(torn)
    refused(tune(out, *SEARCH, "--search", "toy.broken_epoch=null|0", trials=6), "toy.log, line 4", "--name")
    assert journal.read_bytes() == torn


def test_results_that_cannot_be_written_are_one_line(tune, tmp_path):
    (tmp_path / "file").write_text("")
    refused(tune(tmp_path / "file", *SEARCH), "cannot write", "choose another --out")


def test_a_rule_that_no_trial_satisfies_keeps_the_search_and_writes_its_page(tune, tmp_path):
    end = refused(tune(tmp_path, *SEARCH, "--select", "accuracy>100%", trials=2),
                  "no finished trial has accuracy>100%", "loosen it", "the search is kept")
    assert len(trials(tmp_path)) == 2
    assert "No trial is kept" in (tmp_path / "report" / "sweep-s.html").read_text()
    assert "paper's setting" in end.out
    assert tune(tmp_path, *SEARCH, trials=2).code == 0


def test_a_papers_setting_that_fails_is_one_line_and_is_tried_again(tune, tmp_path):
    first = refused(tune(tmp_path, *SEARCH, "--set", "toy.broken_epoch=0"), "toy failed with the paper's setting",
                    "decay is inf", "harness why")
    again = refused(tune(tmp_path, *SEARCH, "--set", "toy.broken_epoch=0"))
    assert again.err.splitlines()[-1] == first.err.splitlines()[-1]


def test_a_setting_that_the_method_refuses_is_a_failed_trial_and_the_search_goes_on(tune, tmp_path, monkeypatch):
    create = Trial._create

    def picky(self, spec):
        if spec.settings["dropout"] > 0.5:
            raise UserError("too much dropout; take less")
        return create(self, spec)

    monkeypatch.setattr(Trial, "_create", picky)
    end = tune(tmp_path, *SEARCH, trials=6)
    assert end.code == 0, end.err
    assert {trial.settings["dropout"] > 0.5: trial.state for trial in trials(tmp_path)} == {False: "done",
                                                                                           True: "failed"}
    frame = rows(tmp_path)
    assert set(frame[frame.status == "failed"].error) == {"too much dropout; take less"}


def test_ctrl_c_is_130_and_the_same_command_ends_where_an_unbroken_one_does(tune, tmp_path, monkeypatch):
    begun = []

    def stopped_in_the_third(job, *rest, **more):
        begun.append(job)
        if len(begun) == 3:
            return run_job(job, stopped=lambda: True)
        return run_job(job, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr("partbench.harness.trial.run_job", stopped_in_the_third)
        end = tune(tmp_path / "broken", *SEARCH, sampler="tpe")
    assert end.code == 130
    assert "stopped; the same command continues it" in end.err
    assert (tmp_path / "broken" / "report" / "sweep-s.html").exists()
    assert [trial.state for trial in trials(tmp_path / "broken")] == ["done", "done", "running"]
    assert tune(tmp_path / "broken", *SEARCH, sampler="tpe").code == 0
    assert tune(tmp_path / "unbroken", *SEARCH, sampler="tpe").code == 0
    for one, other in zip(trials(tmp_path / "broken"), trials(tmp_path / "unbroken"), strict=True):
        assert (one.run_id, one.state, one.values) == (other.run_id, other.state, other.values)
    assert "interrupted" not in set(rows(tmp_path / "broken").status)


@pytest.mark.parametrize(("text", "amount", "unit"), [
    ("40", 40, "trials"), ("1 trial", 1, "trials"), ("300 epochs", 300, "epochs"), ("60 minutes", 60, "minutes"),
    ("1.5 min", 1.5, "minutes"), (40, 40, "trials")])
def test_a_budget_is_a_number_of_trials_epochs_or_minutes(text, amount, unit):
    allowed = TuneConfig(methods=("toy",), dataset="cub", budget=text).allowed
    assert (allowed.amount, allowed.unit) == (amount, unit)


def test_a_search_has_a_name_of_its_own_that_its_budget_does_not_change(request_of):
    def name(**changes):
        return prepared(request_of(**changes))[0].plan.name

    assert re.fullmatch(r"toy-cub-[0-9a-f]{6}", name())
    assert name(budget="5") == name(budget="500 epochs") == name(select="max:accuracy") == name()
    others = [name(**change) for change in (
        {"epochs": 5}, {"seeds": (1, 2)}, {"search_seed": 1}, {"halving": True, "epochs": 6}, {"sampler": "nsga2"},
        {"search": {"toy.dropout": "0.1..0.6"}}, {"objectives": ("accuracy",)}, {"set": {"toy.broken_epoch": 7}})]
    assert len({name(), *others}) == len(others) + 1
