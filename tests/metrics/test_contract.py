"""Every metric keeps the contract, and the contract notices what breaks it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.errors import UserError
from partbench.metrics import Protocol, check_metric, registry

PLUGIN = Path(__file__).with_name("plugin")
sys.path.insert(0, str(PLUGIN))

from every_score import scores  # noqa: E402
from toy_metric import Confidence  # noqa: E402
from toy_metric_card import CONFIDENCE  # noqa: E402


@pytest.mark.parametrize("name", registry.names())
def test_every_metric_keeps_the_contract(name):
    check_metric(name, draws=2)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(registry.names()), st.integers(0, 2**32), st.sampled_from(["pair", "global"]))
def test_it_does_on_any_evidence(name, seed, rule):
    check_metric(name, Protocol(rule=rule, half_size=24, min_visible=2), draws=1, seed=seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_it_does_on_much_evidence(name):
    check_metric(name, draws=100, seed=1000)


def test_a_third_partys_metric_is_found_and_a_broken_one_breaks_nothing(tmp_path):
    about = tmp_path / "partbench_toy_metric-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: partbench-toy-metric\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[partbench.metrics]\nconfidence = toy_metric_card:CONFIDENCE\nbroken = toy_metric_card:MISSING\n")
    path = os.pathsep.join(filter(None, (str(PLUGIN), str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run([sys.executable, PLUGIN / "every_score.py"], capture_output=True, text=True, timeout=120,
                          env=os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "7"})
    assert not done.returncode, done.stderr
    found, broken = json.loads(done.stdout)
    assert 0 < found.pop("confidence") < 1
    assert "MISSING" in broken["broken"]
    assert found == scores()  # another process, the same numbers to the last digit


class Worse(Confidence):
    higher_is_better = False


class Percent(Confidence):
    def score(self):
        return 100 * super().score()


class Zero(Confidence):
    def score(self):
        return super().score() if self.images else 0.0


class Noisy(Confidence):
    def score(self):
        return super().score() * (1 - 0.01 * torch.rand(()).item())


class Writing(Confidence):
    def update(self, logits, labels):
        super().update(logits.clamp_(min=0), labels)


class Elsewhere(Confidence):
    def interval(self, resamples=1000, seed=0):
        return 0.0, np.nextafter(self.score(), 0)


class Latest(Confidence):
    def score(self):
        return self.gathered("confidence")[-1].item()


class MeanOfBatches(Confidence):
    def score(self):
        self.gathered("confidence")
        return torch.stack([batch.mean() for batch in self.confidence]).mean().item()


class Beside(Confidence):
    def __init__(self, protocol):
        super().__init__(protocol)
        self.seen = []

    def update(self, logits, labels):
        super().update(logits, labels)
        self.seen += logits.double().softmax(1).amax(1).tolist()

    def score(self):
        self.gathered("confidence")
        return sum(self.seen) / len(self.seen)


class Half(Confidence):
    def update(self, logits, labels):
        super().update(logits.half() if logits.dtype == torch.float32 else logits / 3, labels)


class Stale(Confidence):
    known = None

    def score(self):
        self.known = self.known or super().score()
        return self.known


class Forgetful(Confidence):
    def __deepcopy__(self, memo):
        return type(self)(self.protocol)


@pytest.mark.parametrize(("broken", "clause"), [
    (Worse, "the accumulator is what its card says"), (dict, "the accumulator is what its card says"),
    (Zero, "no image is an error"), (Writing, "evidence is left as it is"), (Noisy, "two runs are the same"),
    (Percent, "a score is within its bounds"), (Elsewhere, "an interval holds its score"),
    (Latest, "images have no order"), (MeanOfBatches, "batches do not matter"), (Beside, "parts make the whole"),
    (Half, "single and double precision agree"), (Stale, "reset forgets"), (Forgetful, "copies keep what was seen"),
])
def test_the_broken_clause_is_named(broken, clause, monkeypatch):
    monkeypatch.setattr(type(CONFIDENCE), "load", lambda card: broken)
    with pytest.raises(AssertionError, match=f"^{clause}: .*confidence, seed 0"):
        check_metric(CONFIDENCE, draws=1)


def test_what_is_well_passes_and_what_is_unknown_has_a_nearest_name():
    check_metric(CONFIDENCE, draws=3)
    with pytest.raises(UserError, match="did you mean 'consistency'"):
        check_metric("consistancy")
