"""The training loop: hooks, clip, schedule, divergence, and kills that leave no trace in the weights."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rehearsal import EPOCHS, FINAL, HOOKS, STEPS, Ending, hooks, losses_file, toy, training
from toy import Toy

from partbench.harness import progress
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.results.run_folders import run_folder
from partbench.harness.training.checkpoint import load_checkpoint
from partbench.harness.training.train import Diverged, train
from partbench.harness.trial import run_job
from partbench.leaderboard import Store

KILLED = Path(__file__).parent / "plugin" / "killed.py"
PLACES = {  # where training is killed -> the hooks that run after it
    "step-2": HOOKS,
    "step-5": HOOKS[2:],
    "step-8": HOOKS[3:],  # the stage has no checkpoint yet, so it is prepared again
    "step-11": HOOKS[5:],
    "rename-7": HOOKS[3:],  # the third epoch's tensors have their name, its JSON has not
}


@pytest.fixture(scope="module")
def unbroken(tiny_cub, tmp_path_factory):
    """Folder and method of a training that nothing disturbed."""
    folder, method = tmp_path_factory.mktemp("unbroken"), toy()
    train(method, training(tiny_cub, folder))
    return folder, method


@pytest.fixture(scope="module")
def killed(tiny_cub, tmp_path_factory):
    """One folder per place, each left behind by a process that died there of SIGKILL."""
    folders = {place: tmp_path_factory.mktemp(place) for place in PLACES}
    pairs = [word for place, folder in folders.items() for word in (str(folder), place)]
    subprocess.run([sys.executable, KILLED, tiny_cub, *pairs], check=True, timeout=120)
    return folders


def test_hooks_run_once_a_stage_once_an_epoch_and_after_every_step(unbroken):
    assert hooks(unbroken[1]) == HOOKS
    assert [call[1] for call in unbroken[1].calls if call[0] == "step"] == ["features"] * 6 + ["head"] * 6


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_training_repeats_one_epoch_and_ends_with_the_same_weights_and_losses_bit_for_bit(
        place, killed, unbroken, tiny_cub):
    method = toy()
    train(method, training(tiny_cub, killed[place]))
    assert hooks(method) == PLACES[place]
    assert (killed[place] / FINAL).read_bytes() == (unbroken[0] / FINAL).read_bytes()
    assert losses_file(killed[place]).read_text() == losses_file(unbroken[0]).read_text()
    for name, value in unbroken[1].state_dict().items():
        assert torch.equal(method.state_dict()[name], value), name


def test_the_mean_of_every_loss_term_is_written_epoch_by_epoch(unbroken):
    with open(losses_file(unbroken[0]), newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["epoch"]), row["stage"]) for row in rows if row["term"] == "total"] == [
        (1, "features"), (2, "features"), (3, "head"), (4, "head")]
    for epoch in range(1, EPOCHS + 1):
        *terms, total = [float(row["loss"]) for row in rows if int(row["epoch"]) == epoch]
        assert sum(terms) == pytest.approx(total)


def test_two_checkpoints_are_kept_and_nothing_else(unbroken):
    assert sorted(file.name for file in unbroken[0].iterdir()) == [
        f"epoch-{epoch:05d}.{kind}" for epoch in (EPOCHS - 1, EPOCHS) for kind in ("json", "safetensors")]


def test_seconds_of_all_attempts_add_up(unbroken, tiny_cub):
    before = json.loads((unbroken[0] / FINAL).with_suffix(".json").read_text())["seconds"]
    method = toy()
    assert train(method, training(tiny_cub, unbroken[0])).seconds == before > 0
    assert method.calls == []


def test_a_loss_that_is_no_number_ends_training_and_names_term_stage_and_epoch(tiny_cub, tmp_path):
    with pytest.raises(Diverged, match=r"stage head, epoch 2, step 1: decay is inf; try"):
        train(toy(broken_epoch=1), training(tiny_cub, tmp_path))
    assert (tmp_path / "epoch-00003.json").exists()
    assert not (tmp_path / "epoch-00004.json").exists()


def test_what_a_stage_without_epochs_prepares_is_kept_and_not_prepared_again(tiny_cub, tmp_path):
    method, again = toy(Ending), toy(Ending)
    train(method, training(tiny_cub, tmp_path))
    kept, _ = load_checkpoint(tmp_path)
    assert method.centre.any()
    assert torch.equal(kept.method()["centre"], method.centre)
    train(again, training(tiny_cub, tmp_path))
    assert again.calls == []
    assert torch.equal(again.centre, method.centre)


class Watched(Toy):
    """Notes gradient norm and learning rates at every step of its last stage."""

    clip = None

    def stages(self, epochs):
        self.norms, self.rates = [], []
        *_, head = super().stages(epochs)
        groups = [{"params": [self.head.weight], "lr": 0.1}, {"params": [self.head.bias], "lr": 0.4}]
        optimiser = torch.optim.SGD(groups)

        def note():
            self.norms.append(sum(p.grad.square().sum() for p in self.head.parameters()).sqrt().item())
            self.rates.append([group["lr"] for group in optimiser.param_groups])

        return [replace(head, epochs=epochs, clip=self.clip, schedule=lambda done: 1 - done / epochs,
                        param_groups=lambda: groups, optimiser=lambda _: optimiser, after_step=note)]


def test_the_gradient_of_all_groups_together_is_clipped(tiny_cub, tmp_path):
    free, held = toy(Watched), toy(type("Held", (Watched,), {"clip": 0.05}))
    train(free, training(tiny_cub, tmp_path / "free"))
    train(held, training(tiny_cub, tmp_path / "held"))
    assert max(free.norms) > 0.06
    assert max(held.norms) == pytest.approx(0.05, rel=1e-3)


def test_the_schedule_scales_every_group_from_its_own_rate(tiny_cub, tmp_path):
    method = toy(Watched)
    train(method, training(tiny_cub, tmp_path))
    factors = [1 - (step + 1) / STEPS / EPOCHS for step in range(STEPS * EPOCHS)]
    assert method.rates == [pytest.approx([0.1 * factor, 0.4 * factor], abs=1e-6) for factor in factors]


@pytest.mark.parametrize("name", ["ivpt", "prompt_cam"])
def test_a_real_run_stopped_within_an_epoch_ends_with_the_same_bits(name, asked, tmp_path):
    """Grouping noise, the warped view, dropout and augmentation draw what they would have drawn."""
    options = {"prompt_cam.dropout": 0.2} if name == "prompt_cam" else {"ivpt.prototypes": [4, 3]}
    jobs = [make_plan(make_config(asked(tmp_path / where, methods=[name], batch_size=3, set=options))).jobs[0]
            for where in ("unbroken", "stopped")]
    seen = []

    def stopped():
        return bool(seen) and seen[-1].epoch == 1

    assert run_job(jobs[0]).status == "done"
    assert run_job(jobs[1], seen.append, stopped).status == "interrupted"
    folders = [run_folder(job.out, job.run_id) / "checkpoints" for job in jobs]
    assert [file.name for file in folders[1].glob("*.json")] == ["epoch-00000-step-00000002.json"]
    assert run_job(jobs[1]).status == "done"
    assert "continuing after step 2 of epoch 1 of 2" in (folders[1].parent / "log.txt").read_text()
    last = [(folder / "epoch-00002.safetensors").read_bytes() for folder in folders]
    assert last[0] == last[1]
    frames = [Store(job.out).read()[0] for job in jobs]
    assert frames[0][["metric", "level", "value"]].equals(frames[1][["metric", "level", "value"]])


def test_work_of_an_earlier_attempt_is_neither_to_do_nor_a_sign_of_speed(monkeypatch):
    clock = iter([0.0, 10.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    told = []
    reporter = progress.Reporter(told.append)
    reporter.begin(100)
    reporter.skip(80)
    reporter.step("train", 5, 1.0)
    assert told[-1].done == 85
    assert told[-1].seconds_left == pytest.approx(10.0 * 15 / 5)
