"""Plans: ids that mean the same training, and finished runs that cost nothing."""

from dataclasses import replace
from unittest.mock import patch

import pytest

from partbench.harness import RunSpec
from partbench.harness.config import make_config, parse_set
from partbench.harness.plan import make_plan
from partbench.leaderboard import Row, Store

SPEC = RunSpec(
    method="ivpt", variant="", method_version=1, settings={"prototypes": [4, 3]}, dataset="cub", dataset_options={},
    dataset_fingerprint="f" * 64, backbone="deit_tiny_patch16_224", weights="random", image_size=224, seed=0, epochs=25,
    batch_size=16, precision="fp32", threads=1, fit_on="train", preset="default")
OTHER = {
    "method": "prompt_cam", "variant": "bias", "method_version": 2, "settings": {"prototypes": [3, 4]},
    "dataset": "birds", "dataset_options": {"seed": 1}, "dataset_fingerprint": "e" * 64, "backbone": "deit_small",
    "weights": "0123", "image_size": 112, "seed": 1, "epochs": 24, "batch_size": 8, "precision": "bf16", "threads": 2,
    "fit_on": "train+val", "preset": "quick", "rate_factor": 0.5, "views": 8}


def test_the_id_of_a_training_never_changes():
    assert SPEC.run_id == "e13228bf3a804f43"
    assert RunSpec.model_validate_json(SPEC.model_dump_json()).run_id == SPEC.run_id


@pytest.mark.parametrize("field", OTHER)
def test_every_field_is_part_of_the_id(field):
    assert {*OTHER, "trained_as"} == set(RunSpec.model_fields)
    assert SPEC.model_copy(update={field: OTHER[field]}).run_id != SPEC.run_id


@pytest.fixture
def ids(asked, tmp_path):
    """Run ids of the tiny request with changes."""
    def plan(**changes):
        return [job.run_id for job in make_plan(make_config(asked(tmp_path, **changes))).jobs]
    return plan


def test_paths_and_protocols_are_not_part_of_the_id(ids, write_tiny_cub, tmp_path, monkeypatch):
    known = ids()
    moved = write_tiny_cub(tmp_path / "elsewhere")
    assert ids(data_root=str(moved)) == known
    assert ids(out=str(tmp_path / "other")) == known
    assert ids(fidelity_images=7, split="val", in_process=False, gpus_per_run=0.5, controls=True) == known
    monkeypatch.chdir(tmp_path)
    assert ids(data_root="elsewhere") == known


@pytest.mark.parametrize("change", [
    {"backbone": "deit_tiny_patch16_224"}, {"weights": None}, {"image_size": 48}, {"epochs": 3}, {"batch_size": 5},
    {"seeds": [1]}, {"precision": "bf16"}, {"threads": 2}, {"fit_on": "train+val"}, {"preset": "quick"},
    {"decoded_side": 40}], ids=str)
def test_what_changes_the_numbers_changes_the_id(change, ids):
    assert not set(ids(**change)) & set(ids())


def test_weights_count_by_content_wherever_they_lie(ids, tmp_path):
    for name, content in (("a.pth", b"one"), ("b.safetensors", b"one"), ("c.pth", b"two")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (ids(weights=str(tmp_path / name)) for name in ("a.pth", "b.safetensors", "c.pth"))
    assert a == b
    assert not set(a) & set(c)


def test_a_setting_spelt_out_at_its_default_is_the_same_run(ids):
    assert ids(methods=["ivpt"], set={"ivpt.prototypes": [17, 14, 11, 8, 5]}) == ids(methods=["ivpt"])
    assert ids(methods=["ivpt"], set={"ivpt.prototypes": [17, 14, 11, 8, 6]}) != ids(methods=["ivpt"])


def test_seeds_methods_and_variants_are_runs_of_their_own_and_each_is_planned_once(ids):
    assert len(set(ids(methods="ivpt, ivpt@bias,prompt_cam", seeds="0,1,0"))) == 6
    assert len(ids(methods=["ivpt", "ivpt"], seeds=[3, 3])) == 1


def test_more_pictures_are_other_data(ids, write_tiny_cub, tmp_path):
    assert ids(data_root=str(write_tiny_cub(tmp_path / "more", test=4))) != ids()


@pytest.mark.parametrize(("text", "value"), [
    ("17,14", [17, 14]), ("3", 3), ("1e-3", 0.001), ("true", True), ("classes", "classes"),
    ("2024-01-01", "2024-01-01"), ("", ""), ("null", None), ("{a: 1}", "{a: 1}")])
def test_set_reads_numbers_lists_and_words(text, value):
    assert parse_set([f"ivpt.some={text}"]) == {"ivpt.some": value}


def test_flags_win_over_the_file_setting_by_setting(tmp_path, asked):
    file = tmp_path / "request.yaml"
    file.write_text("methods: ivpt\ndataset: cub\nseeds: [1, 2]\nset: {ivpt.entropy: 0.5, ivpt.presence: 2}\n")
    config = make_config({"seeds": "7", "set": {"ivpt.presence": 3}, "out": None}, str(file))
    assert (config.methods, config.seeds, config.set) == (("ivpt",), (7,), {"ivpt.entropy": 0.5, "ivpt.presence": 3})


def test_a_thousand_finished_runs_are_skipped_without_torch_or_ray(fresh, flags, asked, tmp_path):
    seeds = ",".join(map(str, range(1000)))
    plan = make_plan(make_config(asked(tmp_path, methods=["ivpt"], seeds=seeds)))
    finish(plan)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("built before")
    [end], imported = fresh(["run", *flags(tmp_path, methods=["ivpt"], seeds=seeds, in_process=None)])
    assert (end.code, end.err) == (0, "")
    assert "1000 of 1000 runs were finished before" in end.out
    assert not imported & {"torch", "ray", "timm"}


def finish(plan) -> None:
    """Scores of every job, written through the store, without waiting a thousand times for the disk."""
    store = Store(plan.config.out)
    with patch("os.fsync"):
        for job in plan.jobs:
            row = Row(run_id=job.run_id, method="ivpt", dataset="cub", metric="accuracy", value=0.5,
                      seed=job.spec.seed, protocol="partbench", protocol_id=job.protocol.id, unit="fraction", n=9)
            store.write_scores(job.run_id, job.protocol.id, job.split, [row])
    store.build()


def test_a_torn_row_file_is_no_finished_run(asked, tmp_path):
    config = make_config(asked(tmp_path, methods=["ivpt"], seeds=[0, 1]))
    finish(make_plan(config))
    assert not make_plan(config).todo
    torn = next((tmp_path / "rows").iterdir())
    torn.write_bytes(torn.read_bytes()[:-9])
    assert [job.run_id for job in make_plan(config).todo] == [torn.name.partition(".")[0]]
    assert len(make_plan(config.model_copy(update={"force": True})).todo) == 2
    assert len(make_plan(config.model_copy(update={"split": "val"})).todo) == 2
    assert replace(make_plan(config), finished=frozenset()).todo == list(make_plan(config).jobs)
