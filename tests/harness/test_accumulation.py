"""Batches in parts: the same training but for rounding, in less memory, and rows say so."""

from dataclasses import replace

import pytest
import torch
from rehearsal import EPOCHS, STEPS, toy, training
from toy import Toy

from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.progress import Interrupted
from partbench.harness.training.train import train
from partbench.harness.trial import run_job
from partbench.leaderboard import Store


class Noting(Toy):
    """Notes how many images it is shown at once, and when gradients flow."""

    def loss(self, batch, labels=None):
        terms = super().loss(batch, labels)
        self.calls.append(("shown", len(batch)))
        terms["cross_entropy"].register_hook(lambda _: self.calls.append(("gradient", len(batch))))
        return terms


@pytest.mark.parametrize(("name", "settings", "parts"), [
    ("vpt_deep", {"dropout": 0.3}, 2), ("e2vpt", {"learning_share": 0.5}, 3), ("protopnet", {}, 2),
    ("huang2023@finetune", {}, 3), ("ivpt", {"presence": 0.0, "prototypes": [4, 3]}, 2), ("linear_probe", {}, 99)])
def test_a_training_in_parts_is_the_training_but_for_rounding(name, settings, parts, trainee, tmp_path):
    """Order, augmentation, warp, dropout and noise are the batch's: one part more or less draws nothing else."""
    whole, cut = (trainee(name, tmp_path / str(count), None, count, **settings) for count in (1, parts))
    assert [each.train().accumulation for each in (whole, cut)] == [1, parts]
    state = cut.method.state_dict()
    for key, value in whole.method.state_dict().items():
        torch.testing.assert_close(state[key], value, rtol=2e-3, atol=2e-4, msg=key)


def test_parts_are_looked_at_one_after_the_other_and_the_optimiser_moves_once(tiny_cub, tmp_path):
    method = toy(Noting)
    train(method, replace(training(tiny_cub, tmp_path), accumulation=2))
    calls = [call for call in method.calls if call[0] in ("shown", "gradient", "step")]
    each = [("shown", 2), ("gradient", 2), ("shown", 1), ("gradient", 1)]
    stages = [stage for stage in ("features", "head") for _ in range(2 * STEPS)]
    assert calls == [call for stage in stages for call in (*each, ("step", stage))]


def test_more_parts_than_images_are_parts_of_one_image(tiny_cub, tmp_path):
    method = toy(Noting)
    train(method, replace(training(tiny_cub, tmp_path), accumulation=99))
    assert {call[1] for call in method.calls if call[0] == "shown"} == {1}


def test_what_once_did_not_fit_is_cut_up_from_then_on(tiny_cub, tmp_path):
    """And a training that is finished stays what it was, however little memory its scoring is left."""
    def stop(event):
        if event.epoch == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(toy(), replace(training(tiny_cub, tmp_path, stop), accumulation=2))
    method = toy(Noting)
    assert train(method, training(tiny_cub, tmp_path)).accumulation == 2
    assert {call[1] for call in method.calls if call[0] == "shown"} == {1, 2}
    reached = train(toy(), replace(training(tiny_cub, tmp_path), accumulation=3))
    assert (reached.total, reached.accumulation) == (EPOCHS, 2)


@pytest.mark.parametrize(("name", "settings", "coupled"), [
    ("ivpt", {"ivpt.prototypes": [4, 3]}, 2), ("prompt_cam", {}, 0)])
def test_rows_say_how_many_parts_and_whether_that_is_another_experiment(name, settings, coupled, asked, tmp_path):
    [job] = make_plan(make_config(asked(tmp_path, methods=[name], set=settings, protocol="accuracy"))).jobs
    assert run_job(replace(job, accumulation=3)).status == "done"
    rows = Store(tmp_path).read()[0]
    assert set(zip(rows.batch_size, rows.accumulation, rows.coupled_batch, strict=True)) == {(4, 3, coupled)}


def test_no_score_depends_on_the_parts_that_memory_leaves_to_scoring(asked, tmp_path, monkeypatch):
    [job] = make_plan(make_config(asked(tmp_path, methods=["linear_probe"]))).jobs
    assert run_job(job).status == "done"
    whole = Store(tmp_path).read()[0]
    for file in [*tmp_path.glob("rows/*"), *tmp_path.glob("items/*")]:
        file.unlink()
    shown, forward = [], torch.nn.Linear.forward
    monkeypatch.setattr(torch.nn.Linear, "forward",
                        lambda layer, value: (shown.append(len(value)), forward(layer, value))[1])
    assert run_job(replace(job, accumulation=2)).status == "done"
    parts = Store(tmp_path).read()[0]
    assert max(shown) == 64 // 2
    assert list(parts.metric) == list(whole.metric)
    assert list(parts.value) == pytest.approx(list(whole.value), rel=1e-5, abs=1e-6, nan_ok=True)
    assert set(parts.accumulation) == {1}
