"""Curves: bands that hold the truth, areas that are the leaderboard's, and losses that survive what is torn."""

import json

import numpy as np
import pytest
import torch
from plotly import graph_objects as go

from partbench import metrics
from partbench.leaderboard import build_report, control_curve_figure, curve_figure, loss_figure
from partbench.leaderboard.board import Line
from partbench.leaderboard.curve_figures import training_losses
from partbench.leaderboard.curves import CurveView, band
from partbench.leaderboard.evidence import Curves
from partbench.leaderboard.files import Folder
from partbench.leaderboard.losses import read_losses

RUN = "0123456789abcdef"


def curves(random, images=60, classes=10, spread=0.2):
    labels = np.repeat(np.arange(classes), images // classes)
    of_class = spread * random.standard_normal(classes)[labels, None]
    return Curves(labels, 0.5 + of_class + 0.1 * random.standard_normal((images, 21)))


def test_the_area_under_the_mean_is_the_mean_of_the_areas():
    found = curves(np.random.default_rng(0))
    assert band([found]).area == pytest.approx(metrics.auc(torch.tensor(found.values)).mean().item())


def test_a_band_counts_classes_and_not_images():
    random = np.random.default_rng(1)
    held = [(each.low[3] <= 0.5) & (0.5 <= each.high[3]) for each in (band([curves(random)]) for _ in range(400))]
    assert 0.91 <= np.mean(held) <= 0.985


def test_seeds_that_disagree_widen_the_band():
    random = np.random.default_rng(2)
    one = curves(random)
    alike = band([one, one])
    apart = band([one, Curves(one.labels, one.values + 0.2)])
    assert (apart.high - apart.low > alike.high - alike.low).all()


def test_one_class_has_its_images_as_units_and_one_image_any_band():
    one = Curves(np.zeros(1, int), np.full((1, 5), 0.5))
    assert (band([one]).low == 0).all()
    assert (band([one]).high == 1).all()
    same = Curves(np.zeros(9, int), np.full((9, 5), 0.5))
    assert (band([same]).low == 0.5).all()


@pytest.mark.parametrize("seeds", [
    [], [Curves(np.zeros(0, int), np.zeros((0, 5)))], [Curves(np.zeros(1, int), np.full((1, 5), np.nan))],
    [Curves(np.zeros(1, int), np.zeros((1, 5))), Curves(np.zeros(1, int), np.zeros((1, 6)))]],
    ids=["nothing", "no image", "NaN", "lengths"])
def test_what_has_no_mean_curve_is_refused(seeds):
    with pytest.raises(ValueError, match="curve"):
        band(seeds)


def test_figures_are_plotly_figures_and_hold_both_ends():
    line = Line("<b>ivpt</b>", "final", "", 0, (RUN,), 1, {})
    control = Line("control@<b>ivpt</b>+edges", "final", "", 1, ("cc",), 1, {})
    found = band([curves(np.random.default_rng(0))])
    view = CurveView(line, {"insertion": found}, [(control, {"insertion": found})])
    drawn = control_curve_figure(view, "insertion")
    assert [trace.name for trace in drawn.data] == [None, "&lt;b&gt;ivpt&lt;/b&gt;", "edge detector"]
    assert (drawn.data[1].x[0], drawn.data[1].x[-1]) == (0, 100)
    assert control_curve_figure(view, "deletion") is None
    many = curve_figure([view] * 9, "insertion")
    assert sum(trace.visible == "legendonly" for trace in many.data) == 10
    assert curve_figure([], "insertion") is None
    assert isinstance(drawn, go.Figure)
    go.Figure(training_losses({"total": [(1, -2.0), (2, 0.0)]}))


@pytest.fixture
def left(tmp_path):
    """Write a file into the run's folder."""

    def write(name, text):
        (tmp_path / "runs" / RUN).mkdir(parents=True, exist_ok=True)
        (tmp_path / "runs" / RUN / name).write_text(text)
        return Folder(tmp_path)

    return write


def test_losses_come_by_term(left, tmp_path):
    folder = left("losses.csv", "epoch,stage,term,loss\n1,train,cross_entropy,2.5\n1,train,total,3\n2,train,total,2\n")
    assert read_losses(folder, RUN) == {"cross_entropy": [(1, 2.5)], "total": [(1, 3.0), (2, 2.0)]}
    drawn = loss_figure(tmp_path, RUN)
    assert isinstance(drawn, go.Figure)
    assert {tuple(trace.x) for trace in drawn.data} == {(1,), (1, 2)}


def test_a_run_of_before_tells_its_total_by_its_log_each_epoch_once(left):
    folder = left("log.txt", "2026-01-01 10:00:00,000 INFO stage warm up epoch 1 of 1: loss 6.5\n"
                             "2026-01-01 10:00:00,000 INFO stage train epoch 1 of 2: loss 5.5\n"
                             "2026-01-01 10:00:00,000 INFO continuing after epoch 1 of 3\n"
                             "2026-01-01 10:00:00,000 INFO stage train epoch 1 of 2: loss 5.0\n")
    assert read_losses(folder, RUN) == {"total": [(1, 6.5), (2, 5.0)]}


@pytest.mark.parametrize("text", ["", "epoch,stage\n", "epoch,stage,term,loss\nx,y,z,\n1,a,b,nan\n1,a,b,inf\n1", "\0\0",
                                  "{}"])
def test_what_is_no_number_is_no_loss(left, text):
    assert read_losses(left("losses.csv", text), RUN) == {}


def test_the_page_shows_losses_of_runs_without_curves(store, row, left, tmp_path):
    store.write_scores(RUN, "1a2b3c4d", "test", [row()])
    left("losses.csv", "epoch,stage,term,loss\n1,train,<script>window.pwned=1</script>,2\n1,train,total,2\n")
    html = build_report(tmp_path).with_name("curves.html").read_text()
    assert "<script>window" not in html
    spec = json.loads(html.partition('-losses">')[2].partition("</script>")[0])
    assert spec["data"][0]["name"] == "total"
