"""Training that is stopped anywhere, again and again, ends with the bits of one that nobody stopped."""

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
import torch
from rehearsal import EPOCHS, FINAL, STEPS, losses_file, toy, training
from toy import Toy

from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.progress import Interrupted, Reporter
from partbench.harness.results.run_folders import run_folder
from partbench.harness.training.checkpoint import load_checkpoint
from partbench.harness.training.train import train
from partbench.harness.trial import run_job


class Died(Exception):
    """As good as a kill: nobody writes a checkpoint for it."""


@dataclass
class Stopping(Reporter):
    """Ends a run in what it says for the ``at``-th time, in one of ``stages`` if any are named; 0: never."""

    at: int = 0
    stages: tuple[str, ...] = ()
    end: type[Exception] = Interrupted
    said: list[str] = field(default_factory=list)

    def step(self, stage, *given):
        self.said += [stage] if not self.stages or stage in self.stages else []
        if len(self.said) == self.at:
            raise self.end
        super().step(stage, *given)


class Counting(Toy):
    """Entering an epoch leaves a trace and draws a number: neither may happen twice."""

    def __init__(self, *given):
        super().__init__(*given)
        self.register_buffer("entered", torch.zeros(()))

    def _hooks(self, stage):
        hooks = super()._hooks(stage)

        def enter(epoch):
            hooks["enter"](epoch)
            self.entered += torch.rand(())

        return hooks | {"enter": enter}


@pytest.fixture(scope="module")
def unbroken(tiny_cub, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    train(toy(Counting), training(tiny_cub, folder))
    return folder


def newest(folder):
    return max(folder.glob("*.json"), key=lambda file: file.stem).stem


@pytest.mark.parametrize(("end", "at", "seconds"), [(Interrupted, 1, 600), (Died, 2, 0)], ids=["stopped", "killed"])
def test_one_step_at_a_time_is_the_whole_training_bit_for_bit(end, at, seconds, unbroken, tiny_cub, tmp_path):
    """Who is stopped leaves a checkpoint; who is killed goes on from the last one, here that of the step before."""
    reached = []
    while not (tmp_path / FINAL).exists():
        reporter = Stopping(at=at, stages=("features", "head"), end=end)
        told = replace(training(tiny_cub, tmp_path), reporter=reporter, save_every=seconds)
        try:
            assert train(toy(Counting), told).total == EPOCHS
        except end:
            reached.append(newest(tmp_path))
    assert len(reached) == len(set(reached)) >= EPOCHS * (STEPS - 1)
    assert (tmp_path / FINAL).read_bytes() == (unbroken / FINAL).read_bytes()
    assert losses_file(tmp_path).read_text() == losses_file(unbroken).read_text()
    assert sorted(file.stem for file in tmp_path.glob("*.json")) == [f"epoch-{EPOCHS - 1:05d}", f"epoch-{EPOCHS:05d}"]


COURSES = {  # method: settings, parts of a batch, and stages that it goes through
    "ivpt@public": ({"prototypes": [4, 3]}, 2, {"train"}),
    "prompt_cam": ({"dropout": 0.3, "agnostic_prompts": 0}, 1, {"store tokens", "prepare prompts", "prompts"}),
    "e2vpt": ({"learning_share": 0.5}, 3, {"prepare learn", "learn", "prepare rewind", "rewind"}),
    "protopnet": ({"last_layer_share": 0.4}, 2, {"store tokens", "prepare warm", "warm", "prepare last layer 1",
                                                 "last layer 1"}),
    "protopnet@finetune": ({"last_layer_share": 0.4}, 1, {
        "prepare warm", "warm", "joint 2", "joint 3", *(f"{what}last layer {number}" for number in (1, 2, 3)
                                                        for what in ("", "prepare "))}),
    "huang2023@finetune": ({}, 1, {"warm", "joint"}),
}


@dataclass
class Everywhere(Reporter):
    """Ends a run three times in every stage: in what it first says there, then in the second, then in the third."""

    ends: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)

    def step(self, stage, *given):
        self.said[stage] += 1
        if self.said[stage] == self.ends[stage] + 1 <= 3:
            self.ends[stage] += 1
            raise Interrupted
        super().step(stage, *given)


@pytest.mark.parametrize("name", COURSES)
def test_stopped_thrice_in_every_stage_a_method_ends_with_the_same_bits(name, trainee, tmp_path, monkeypatch):
    """In preparations and while tokens are stored, too."""
    settings, parts, stages = COURSES[name]
    reached = trainee(name, tmp_path / "unbroken", None, parts, **settings).train()
    ends: Counter[str] = Counter()
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path / "cache"))  # nothing is stored there yet
    for _ in range(3 * len(stages) + 1):
        try:
            assert trainee(name, tmp_path / "stopped", Everywhere(ends=ends), parts, **settings).train()
            break
        except Interrupted:
            continue
    assert set(ends) == stages
    assert reached.accumulation == parts
    last = [tmp_path / where / "checkpoints" / f"{reached.name}.safetensors" for where in ("unbroken", "stopped")]
    assert last[0].read_bytes() == last[1].read_bytes()
    losses = [(tmp_path / where / "losses.csv").read_text() for where in ("unbroken", "stopped")]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("calls", [13, 17, 40])
def test_who_is_asked_to_stop_while_scoring_asks_the_model_nothing_more(calls, asked, with_toy, tmp_path, monkeypatch):
    """One batch of insertion and deletion is minutes of work on a CPU, and an interrupt is heeded within it."""
    [job] = make_plan(make_config(asked(tmp_path, methods=["toy"], epochs=EPOCHS, batch_size=3, controls=True))).jobs
    seen, forward = [], Toy.forward
    monkeypatch.setattr(Toy, "forward", lambda method, batch: (seen.append(len(batch)), forward(method, batch))[1])
    assert run_job(job, stopped=lambda: len(seen) >= calls).status == "interrupted"
    assert len(seen) == calls
    assert load_checkpoint(run_folder(job.out, job.run_id) / "checkpoints")[0].position.total == EPOCHS
