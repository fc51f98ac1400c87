"""A run on drawn birds with the backbone in the box: nothing to download, no folder, no flag."""

import json

import pandas
import pytest

from partbench import run
from partbench.errors import UserError
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.methods.cards.backbones import BACKBONES, shipped

SMALL = {"synthetic_birds.classes": 2, "synthetic_birds.train_images": 6, "synthetic_birds.test_images": 2}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    out = tmp_path_factory.mktemp("birds") / "results"
    return run(methods="prompt_cam", dataset="synthetic_birds", set=SMALL, epochs=1, in_process=True, out=str(out)), out


def test_size_backbone_and_preset_are_those_of_the_data_set(table):
    rows, _ = table
    assert set(rows.backbone) == {"vit_birds_patch8_96"}
    assert set(rows.image_size) == {96}
    assert set(rows.preset) == {"quick"}


def test_planted_truth_gives_three_more_scores(table):
    rows, _ = table
    scored = rows[rows.metric.isin(["planted_evidence", "planted_saliency", "background_sensitivity"])]
    assert len(scored) == 3
    assert scored.status.eq("done").all()
    assert (pandas.to_numeric(scored.value).between(-1, 1)).all()


def test_a_saved_run_is_planned_again_as_the_same_run(table):
    rows, out = table
    (run_id,) = rows.run_id.unique()
    saved = json.loads((out / "runs" / run_id / "spec.json").read_text())
    assert [job.run_id for job in make_plan(make_config(saved)).jobs] == [run_id]


def test_options_of_the_data_set_are_part_of_a_runs_identity():
    def planned(**options):
        (job,) = make_plan(make_config({"methods": "ivpt", "dataset": "synthetic_birds", "set": options})).jobs
        return job.run_id

    assert planned() == planned(**{"synthetic_birds.classes": 20})
    assert planned() != planned(**{"synthetic_birds.classes": 21})


@pytest.mark.parametrize(("given", "named"), [
    ({"data_root": "birds"}, "drawn, it takes no --data-root"),
    ({"set": {"synthetic_birds.clases": 3}}, "did you mean 'classes'"),
    ({"set": {"synthetic_birds.classes": 1}}, "synthetic_birds.classes=1"),
    ({"labels": "genus"}, "unknown option of synthetic_birds 'labels'")])
def test_an_option_that_cannot_be_is_refused_by_name(given, named):
    with pytest.raises(UserError, match=named):
        make_plan(make_config({"methods": "ivpt", "dataset": "synthetic_birds", **given}))


def test_the_backbone_in_the_box_is_small_and_has_a_card():
    (name,) = [name for name in BACKBONES if shipped(name)]
    assert shipped(name).stat().st_size <= 6_000_000
    for said in ("experiments/bird_backbone/train.py", "seed", "CPU minutes", "not shown", "Probe"):
        assert said in shipped(name, ".md").read_text()


def test_its_weights_count_by_content(monkeypatch, tmp_path):
    from partbench.harness import plan

    before = plan.digest(make_config({"methods": "ivpt", "dataset": "cub", "backbone": "vit_birds_patch8_96"}))
    (tmp_path / "other").write_bytes(b"other weights")
    monkeypatch.setattr(plan, "shipped", lambda name: tmp_path / "other")
    assert before != plan.digest(make_config({"methods": "ivpt", "dataset": "cub", "backbone": "vit_birds_patch8_96"}))
