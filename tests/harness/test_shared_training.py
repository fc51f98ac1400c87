"""Explainers of one model: each a run of its own, and one training for all of them."""

from pathlib import Path

import pytest

from partbench import run
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan


@pytest.fixture(scope="module")
def explained(asked, tmp_path_factory):
    """Rollout comes first: left to itself it would train from images, where the others train from stored tokens."""
    out = tmp_path_factory.mktemp("probe")
    request = asked(out, methods=["linear_probe@rollout", "linear_probe@grad_cam", "linear_probe"],
                    image_size=64, fidelity_images=4)
    return out, request, run(**request)


def test_explainers_share_one_training_and_every_prediction(explained):
    out, request, frame = explained
    specs = [job.spec for job in make_plan(make_config(request)).jobs]
    assert len({spec.run_id for spec in specs}) == 3
    (training,) = {spec.training_id for spec in specs}
    assert training == specs[-1].run_id
    assert [folder.parent.name for folder in Path(out, "runs").glob("*/checkpoints")] == [training]
    rows = frame[frame.metric == "accuracy"]
    assert set(rows.variant) == {"", "grad_cam", "rollout"}
    assert rows.value.nunique() == rows.train_seconds.nunique() == 1


def test_they_explain_differently(explained):
    _, _, frame = explained
    assert frame[frame.metric == "insertion"].value.nunique() == 3
    assert frame[frame.metric == "consistency"].value.nunique() == 1


def test_a_setting_of_training_is_a_training_of_its_own(explained):
    _, request, _ = explained
    other = make_plan(make_config(request | {"set": {"linear_probe.weight_decay": 0.1}}))
    assert {job.spec.training_id for job in other.jobs}.isdisjoint(
        job.spec.training_id for job in make_plan(make_config(request)).jobs)
