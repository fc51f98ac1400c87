"""The page of a sweep: every trial and its run, escaped, the same bytes, and a sentence for what cannot be drawn."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from math import inf, nan

import pytest

from partbench.errors import UserError
from partbench.sweeps import figures
from partbench.sweeps.comparison_figures import best_against_budget
from partbench.sweeps.front_figure import pareto_front
from partbench.sweeps.page import sweep_page, write_sweep_page
from partbench.sweeps.parallel_figure import parallel_coordinates
from partbench.sweeps.prototype_figure import count_settings, prototype_counts
from partbench.sweeps.records import Objective, SearchRecord, TrialRecord
from partbench.sweeps.searched import Searched

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</td></table>"
OBJECTIVES = (Objective("accuracy", True, 0.1), Objective("consistency_gain", True, 0.0))
START = datetime(2026, 3, 1, 8)


def trial(number, accuracy=None, gain=None, state="done", prototypes=(17, 14), **more):
    values = {} if accuracy is None else {"accuracy": accuracy, "consistency_gain": gain}
    more = {"started": START + timedelta(minutes=number), "finished": START + timedelta(minutes=number + 2),
            "run_id": f"{number:016x}", "epochs": 6 if state == "done" else 2, "seconds": 120.0} | more
    rate = 10.0 ** -(number % 4)
    settings = {"prototypes": list(prototypes), "rate": rate, "noise": True}
    return TrialRecord(number, {"rate": rate, "prototypes.last": prototypes[-1]}, settings, state, values, **more)


def search(*trials, method="ivpt", objectives=OBJECTIVES, **more):
    known = {"ranges": {"rate": (1e-3, 1.0, True), "prototypes.last": (2, 25, False)}, "unit": "trials"} | more
    record = SearchRecord("birds", method, "synthetic_birds", "deit_tiny", 112, objectives, 6, 10, known["unit"], "tpe",
                          0, tuple(trials), known["ranges"])
    shares = {objective.metric: {"rate": 0.75, "prototypes.last": 0.25} for objective in objectives}
    return Searched(record, shares, known.get("chosen"), known.get("notes", ()))


@pytest.fixture
def searched():
    return search(
        trial(0, 0.6, 0.2), trial(1, 0.7, 0.1, prototypes=(9, 4)), trial(2, 0.5, 0.1, prototypes=(25, 25)),
        trial(3, 0.8, -0.01, prototypes=(8, 2)), trial(4, 0.4, 0.3, "pruned"), trial(5, state="failed", error="nan"),
        trial(6, 0.3, 0.1, "running", finished=None), trial(7, 0.65, 0.18, prototypes=(7,)),
        chosen=trial(7, 0.65, 0.18, prototypes=(7,)), notes=["rate sits at the end of its range"])


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def all(self, name):
        return [attributes.get(name) for _, attributes in self.tags if name in attributes]


def strict(html):
    """Specifications of the figures, none of which holds a number that is none."""
    def refuse(constant):
        raise AssertionError(constant)

    return [json.loads(spec, parse_constant=refuse)
            for spec in re.findall(r'<script type="application/json" data-for="[^"]*">(.*?)</script>', html)]


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_the_page_needs_nothing_but_its_own_folder(searched, tmp_path):
    path = write_sweep_page(tmp_path / "report", "birds", [searched])
    with open(path) as file:
        html = file.read()
    assert path == str(tmp_path / "report" / "sweep-birds.html")
    assert Tags(html).all("src") == ["plotly.min.js"]
    assert (tmp_path / "report" / "plotly.min.js").stat().st_size > 10**6
    assert not re.search(r"(src|href)=.?(https?:|//)|@import|url\(", html)


def test_every_trial_has_a_line_with_its_run_and_the_way_to_its_explanations(searched, tmp_path):
    (tmp_path / "explained").mkdir()
    (tmp_path / "explained" / f"{7:08x}.finch.01234567.html").write_text("of a shorter run")
    searched = replace(searched, record=replace(searched.record, trials=tuple(
        replace(one, run_id=f"{one.number:08x}{one.run_id}"[:16]) for one in searched.record.trials)))
    with open(write_sweep_page(tmp_path / "report", "birds", [searched])) as file:
        html = file.read()
    tags = Tags(html)
    for one in searched.record.trials:
        assert f"trial-ivpt-{one.number}" in tags.all("id")
        assert f"../runs/{one.run_id}/" in tags.all("href")
    assert f"../explained/{7:08x}.finch.01234567.html" in tags.all("href")
    assert f"harness explain {searched.record.trials[1].run_id} --image ID" in html


def test_every_mark_says_its_run_and_leads_to_a_line(searched):
    html = sweep_page([searched], "Sweep")
    lines = set(Tags(html).all("id"))
    marks = [trace for spec in strict(html) for trace in spec["data"] if "customdata" in trace]
    assert len(marks) > 20
    for trace in marks:
        assert set(trace["customdata"]) <= lines
        assert all(re.search(r"<br>run 0{15}\d", text) for text in trace["hovertext"])


def test_the_verdict_counts_trials_and_sets_the_choice_beside_the_paper(searched):
    html = sweep_page([searched], "Sweep")
    for said in ("8 trials: 5 finished, 1 stopped early, 1 failed and 1 running; 8 of 10 trials spent",
                 "1 of the 5 finished trials is degenerate", "The front (3 trials)", "Trial 7 is chosen", "--final",
                 "rate sits at the end of its range", "+5.0", "17, 14", "The same in every trial: noise True"):
        assert said in html, said
    # From (0.1, 0): 0.5 x 0.2 of the paper's setting, and strips of 0.18 and 0.1 to its right.
    assert "a hypervolume of 0.1140" in html
    assert "the paper&#x27;s setting alone one of 0.1000" in html


def test_the_front_is_joined_as_steps_and_degenerate_trials_stay_off_it(searched):
    drawn = traces(pareto_front(searched))
    assert list(drawn["front"].x) == pytest.approx([10, 18, 20])
    assert list(drawn["front"].y) == pytest.approx([70, 65, 60])
    assert drawn["front"].line.shape == "vh"
    assert list(drawn["paper's setting"].x) == [20]
    assert list(drawn["chosen"].y) == [65]
    empty = drawn["degenerate: gain at or below 0"]
    assert (list(empty.x), empty.marker.symbol) == ([-1], "cross-open")


def test_three_objectives_make_three_panels(searched):
    objectives = (*OBJECTIVES, Objective("keypoint_regression", False, 0.5))
    trials = [replace(one, values={**one.values, "keypoint_regression": 0.1}) for one in searched.record.finished]
    figure = pareto_front(search(*trials, objectives=objectives))
    assert figure.layout.yaxis3.title.text == "consistency gain, % ↑"
    assert figure.layout.xaxis3.title.text == "keypoint regression, % ↓"
    assert "front" not in traces(figure)


def test_history_shows_failures_and_a_best_that_is_never_degenerate(searched):
    drawn = [trace for trace in figures.history(searched).data if trace.yaxis == "y"]
    named = {trace.name: trace for trace in drawn}
    assert list(named["best so far"].y) == pytest.approx([60, 70, 70, 70, 70])
    assert list(named["failed"].x) == [5]
    assert named["failed"].y[0] < 30
    assert list(named["stopped early"].y) == [40]


def test_rates_lie_on_a_log_axis_with_their_own_numbers(searched):
    figure = parallel_coordinates(searched)
    marks = next(trace for trace in figure.data if trace.customdata is not None)
    assert list(marks.x[:5]) == pytest.approx([1, 2 / 3, 1 / 3, 0, 0])
    assert marks.text[1] == "rate: 0.1"
    assert [note.text for note in figure.layout.annotations[:3]] == ["0.001", "0.01", "1"]
    assert figure.layout.yaxis.ticktext == ("rate", "prototypes.last", "accuracy, %", "consistency gain, %")


def test_prototypes_are_counted_altogether_and_by_level(searched):
    assert count_settings(searched) == ["prototypes"]
    figure = prototype_counts(searched, "prototypes")
    assert [axis.title.text for axis in figure.select_xaxes()][::2] == ["total prototypes", "level 1", "level 2"]
    totals = [trace for trace in figure.data if trace.xaxis == "x"]
    assert sorted(x for trace in totals for x in trace.x) == [7, 10, 13, 31, 50]


def test_methods_are_compared_on_the_same_budget(searched):
    other = search(trial(0, 0.3, 0.1), method="protopnet")
    curves = best_against_budget([searched.record, other.record]).data
    assert [curve.name for curve in curves] == ["ivpt", "protopnet"]
    assert (list(curves[1].x), list(curves[1].y)) == ([1], pytest.approx([0.02]))
    html = sweep_page([searched, other], "Sweep")
    assert "On the same budget" in html
    assert len(set(Tags(html).all("id"))) == len(Tags(html).all("id"))


@pytest.mark.parametrize(("trials", "said"), [
    ((), "No trial has begun"),
    ((trial(0, 0.6, 0.2),), "it takes two finished trials"),
    ((trial(0, state="failed", error="out of memory"), trial(1, state="failed")), "trial 0, failed: out of memory"),
    ((trial(0, 0.6, -0.1), trial(1, 0.7, 0.0)), "Every finished trial is degenerate"),
    ((trial(0, nan, 0.1), trial(1, inf, nan), trial(2, 0.3, 0.1, seconds=0.0)), "3 finished"),
    ((trial(3, state="running", started=None, finished=None, run_id=""),), "trial 0, has not begun"),
], ids=["none", "one", "all failed", "all degenerate", "not numbers", "without the paper's setting"])
def test_what_cannot_be_drawn_is_said(trials, said):
    one = replace(search(*trials), importances={})
    html = sweep_page([one, search(*trials, method="other")], "Sweep")
    assert said in html
    assert "alike): too few finished trials to tell" in html
    strict(html)
    assert not re.search(r">\s*[+-]?(nan|inf)\b", html)


def test_one_objective_has_no_front_to_draw(searched):
    html = sweep_page([search(*searched.record.trials, objectives=OBJECTIVES[:1])], "Sweep")
    assert "there is one objective" in html
    assert "hypervolume" not in html


def test_names_are_never_markup(searched):
    lost = replace(searched.record.trials[5], error=HOSTILE, run_id=HOSTILE, settings={HOSTILE: HOSTILE})
    kept = replace(searched.record.trials[0], params={HOSTILE: HOSTILE}, settings={HOSTILE: [3, 4]},
                   values={HOSTILE: 0.5, **searched.record.trials[0].values})
    objectives = (*OBJECTIVES, Objective(HOSTILE, False, 1.0))
    one = search(kept, replace(kept, number=1, params={HOSTILE: "b"}, settings={HOSTILE: [5]}), lost, method=HOSTILE,
                 objectives=objectives, notes=[HOSTILE], ranges={HOSTILE: (HOSTILE, "b")}, chosen=kept)
    html = sweep_page([one, replace(one, record=replace(one.record, method="other"))], HOSTILE)
    tags = Tags(html).tags
    assert not [attributes for _, attributes in tags if any(name.startswith("on") for name in attributes)]
    assert "<img" not in html
    assert sum(tag == "script" for tag, _ in tags) == 3 + len(strict(html))
    assert not [text for spec in strict(html) if "<img" in (text := json.dumps(spec)) or "<script" in text]


def test_the_same_searches_give_the_same_bytes(searched, tmp_path):
    pages = [write_sweep_page(tmp_path / name, "birds", [searched]) for name in "ab"]
    first, second = (open(path, "rb").read() for path in pages)
    assert first == second


def test_a_name_that_would_leave_the_folder_is_refused(searched, tmp_path):
    with pytest.raises(UserError, match="file name"):
        write_sweep_page(tmp_path, "../birds", [searched])


def test_drawing_needs_neither_torch_nor_optuna():
    code = "import sys; import partbench.sweeps.page; assert not {'torch', 'ray', 'optuna'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)
