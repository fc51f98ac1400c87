"""Runs with stored views: what they are called, what they share, and what a user may say about them."""

import pytest

from partbench import run
from partbench.errors import UserError
from partbench.harness.config import make_config, store_limit
from partbench.harness.plan import make_plan
from partbench.harness.results.saved_spec import saved_spec

IVPT = {"ivpt.prototypes": [4, 3]}


@pytest.fixture
def jobs(asked, tmp_path):
    """Jobs of the tiny request with changes."""
    def plan(**changes):
        return make_plan(make_config(asked(tmp_path / "results", **changes))).jobs
    return plan


def test_the_number_of_views_is_part_of_what_a_run_is_and_the_limit_is_not(jobs):
    ivpt, prompt_cam = jobs()
    assert (ivpt.spec.views, prompt_cam.spec.views) == (8, 0)
    without = jobs(prefix_store=0)
    assert [job.spec.views for job in without] == [0, 0]
    assert without[0].run_id != ivpt.run_id
    assert without[1].run_id == prompt_cam.run_id
    assert jobs(prefix_store="1TB")[0].run_id == ivpt.run_id
    view = 12 * 2 * 5 * 192 * 2  # bytes: images, copies, tokens, channels, float16
    assert [jobs(prefix_store=5 * view, fit_on=split)[0].spec.views for split in ("train", "train+val")] == [5, 5]
    assert jobs(methods=["ivpt@public"])[0].spec.views == 0


@pytest.mark.parametrize("limit", [None, 0, 2**30])
def test_a_saved_spec_is_the_same_run(jobs, limit):
    for job in jobs(prefix_store=limit):
        assert make_plan(make_config(saved_spec(job))).jobs[0].run_id == job.run_id


def test_explainers_of_one_probe_share_the_views_of_its_training(jobs):
    rollout, probe = jobs(methods=["linear_probe@rollout", "linear_probe"])
    assert rollout.spec.training == probe.spec
    assert probe.spec.views == 8


def test_a_user_is_told_what_cannot_be(asked, tmp_path):
    with pytest.raises(UserError, match="exclude each other"):
        store_limit("3GB", True)
    assert store_limit(None, True) == "0"
    with pytest.raises(UserError, match="--prefix-store 'much': no amount"):
        make_config(asked(tmp_path, prefix_store="much"))


def test_a_plan_says_how_large_its_views_become(harness, flags, tmp_path):
    told = " ".join(harness("run", *flags(tmp_path, methods=["ivpt"], epochs=12), "--dry-run").out.split())
    assert "stored views of each of 12 images in" in told
    assert "8 for ivpt; about 0.0" in told
    scored = (2 * 9 + 9) * 5 * 192 * 4 / 2**30  # GiB: test images in two views, those fitted on; tokens, channels
    assert f"{scored:.2g} GiB more of scored images" in told
    assert "stored views" not in harness("run", *flags(tmp_path, no_prefix_store=True), "--dry-run").out


def test_a_second_seed_finds_every_view_and_a_warm_store_changes_no_number(asked, tmp_path, monkeypatch):
    request = asked(tmp_path / "cold", methods=["ivpt"], set=IVPT, epochs=3, protocol="accuracy")
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path / "cache"))
    cold = run(**request)
    kept = {file: file.read_bytes() for file in (tmp_path / "cache" / "prefix").rglob("*.tokens")}
    assert len(kept) == 3 + 1  # shown by training, and scored
    run(**request | {"seeds": [1]})
    warm = run(**request | {"out": str(tmp_path / "warm")})
    assert {file: file.read_bytes() for file in (tmp_path / "cache" / "prefix").rglob("*.tokens")} == kept
    assert warm.value.tolist() == cold.value.tolist()
    (losses,) = (tmp_path / "warm" / "runs").glob("*/losses.csv")
    assert losses.read_text() == (tmp_path / "cold" / losses.relative_to(tmp_path / "warm")).read_text()
