"""A request from its flags to its rows, on a data set of 21 pictures and a random backbone."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import partbench
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.leaderboard import Store
from partbench.leaderboard.rows import KEY

NUMBERS = ["method", "variant", "metric", "level", "split", "value", "ci_low", "ci_high", "n", "status"]
BLIND = {"random_peaks", "centre_peak", "constant_peak", "edge_peaks"}
OWN = {"untrained", "swapped", "shuffled", "gaussian", "edges", "random"}


@pytest.fixture(scope="module")
def done(harness, flags, tmp_path_factory):
    """Folder and end of one command: both methods, with controls."""
    out = tmp_path_factory.mktemp("done")
    return out, harness("run", *flags(out, controls=True))


@pytest.fixture(scope="module")
def frame(done):
    return partbench.leaderboard.load(done[0])


@pytest.fixture
def copy(done, tmp_path):
    """A copy of that folder, to be continued."""
    return shutil.copytree(done[0], tmp_path / "out")


def numbers(frame, **chosen):
    for column, value in chosen.items():
        frame = frame[frame[column] == value]
    return frame.sort_values(NUMBERS[:5])[NUMBERS].reset_index(drop=True)


def log(out, method):
    ids = {json.loads(file.read_text())["methods"][0]: file.parent for file in out.glob("runs/*/spec.json")}
    return (ids[method] / "log.txt").read_text()


def test_the_command_ends_well_with_a_table_and_the_way_to_the_report(done):
    out, end = done
    assert end.code == 0, end.err
    assert "accuracy" in end.out.lower()
    assert "index.html" in end.out
    assert "stored views of every image: 8 for ivpt" in end.err
    assert (out / "leaderboard.parquet").exists()
    assert (out / "report" / "index.html").exists()
    assert "warning" not in end.err.lower()
    assert "Traceback" not in end.err


def test_rows_have_unique_keys_and_done_rows_are_finite(frame):
    assert not frame.duplicated(KEY).any()
    assert np.isfinite(frame[frame.status == "done"].value.astype(float)).all()
    assert set(frame.status) == {"done", "not_applicable"}
    scores = frame[frame.method != "control"]
    assert set(scores.protocol) == {"partbench"}
    assert (scores[["total_parameters", "trainable_parameters", "peak_memory_mb", "train_seconds"]] > 0).all(axis=None)
    assert set(scores.dataset_fingerprint.str.len()) == {64}
    assert (scores.finished_at > scores.started_at).all()


def test_a_method_with_shared_parts_has_every_metric_at_each_of_its_levels(frame):
    ivpt = frame[frame.method == "ivpt"]
    parts = {"consistency", "consistency_gain", "stability", "nmi", "ari"}
    assert set(ivpt[ivpt.level == "public"].metric) >= parts
    assert set(ivpt[ivpt.level == "final"].metric) >= parts | {"accuracy", "insertion", "deletion"}
    assert set(ivpt.status) == {"done"}
    assert set(ivpt.metric) >= {"keypoint_regression", "occlusion_agreement", "distinctiveness", "purity",
                                "stability_active", "insertion_normalised", "consistency_soft"}


def test_clustering_of_class_specific_parts_is_not_applicable(frame):
    rows = frame[(frame.method == "prompt_cam") & (frame.status == "not_applicable")]
    assert set(rows.metric) == {"nmi", "ari", "keypoint_regression"}
    assert rows.value.isna().all()


def test_blind_controls_and_those_of_each_method_are_written_once(frame, done, harness, flags):
    controls = frame[frame.method == "control"]
    assert set(controls.variant) == BLIND | {f"{method}+{kind}" for method in ("ivpt", "prompt_cam") for kind in OWN}
    assert controls.train_seconds.isna().all()  # nobody trained one
    gain = controls[controls.metric == "consistency_gain"]
    assert set(gain[gain.variant.isin(["centre_peak", "constant_peak"])].value) == {0.0}
    curves = controls[controls.metric == "insertion"]
    assert set(curves.variant) == {variant for variant in controls.variant if "+" in variant}
    before = {file: file.stat().st_mtime_ns for file in (done[0] / "rows").iterdir()}
    assert harness("run", *flags(done[0], controls=True)).code == 0
    assert {file: file.stat().st_mtime_ns for file in (done[0] / "rows").iterdir()} == before


def test_the_same_command_again_skips_without_torch_or_ray(done, fresh, flags):
    [end], imported = fresh(["run", *flags(done[0], in_process=None)])
    assert end.code == 0
    assert end.out.startswith("2 of 2 runs were finished before")
    assert end.err == ""
    assert not imported & {"torch", "ray", "timm"}


def test_the_same_request_in_a_fresh_folder_in_another_order_gives_the_same_numbers(frame, asked, tmp_path):
    again = partbench.run(**asked(tmp_path, methods=["prompt_cam", "ivpt"]))
    expected = numbers(frame[frame.method != "control"])
    assert numbers(again).equals(expected)


def test_another_protocol_scores_again_without_training(copy, frame, asked):
    again = partbench.run(**asked(copy, fidelity_images=3))
    assert again[again.method != "control"].groupby("method").protocol_id.nunique().to_dict() == {
        "ivpt": 2, "prompt_cam": 2}
    assert again.groupby("run_id").train_seconds.nunique().max() == 1
    assert log(copy, "ivpt").count("epoch 2 of 2: loss") == 1
    assert len(frame) < len(again)


def test_val_and_test_are_scored_apart_from_one_training(copy, asked):
    again = partbench.run(**asked(copy, split="val"))
    rows = again[again.method == "ivpt"]
    assert set(rows[rows.metric == "accuracy"][["split", "n"]].itertuples(index=False, name=None)) == {
        ("test", 9), ("val", 3)}
    assert rows.run_id.nunique() == 1
    assert log(copy, "ivpt").count("epoch 2 of 2: loss") == 1


def test_a_metric_that_a_split_cannot_give_leaves_the_other_scores_alone(copy, harness, flags):
    """The tiny validation split has one image of each class, and consistency_gain compares two."""
    assert harness("run", *flags(copy, split="val", controls=True)).code == 0
    rows = partbench.leaderboard.load(copy).query("split == 'val'")
    gain = rows[rows.metric == "consistency_gain"]
    assert set(gain.method) == {"ivpt", "prompt_cam", "control"}
    assert set(gain.status) == {"not_applicable"}
    assert gain.error.str.contains("at least two images").all()
    assert set(rows[rows.metric.isin(["accuracy", "consistency", "insertion"])].status) == {"done"}


def test_force_trains_again_from_nothing_and_finds_the_same_numbers(copy, frame, asked):
    again = partbench.run(**asked(copy, methods=["prompt_cam"], force=True))
    assert log(copy, "prompt_cam").count("epoch 1 of 2: loss") == 2
    assert log(copy, "ivpt").count("epoch 1 of 2: loss") == 1
    assert numbers(again).equals(numbers(frame))


def test_the_saved_spec_runs_again_as_the_same_run(done, harness, tmp_path):
    for file in done[0].glob("runs/*/spec.json"):
        plan = make_plan(make_config({"out": str(tmp_path)}, str(file)))
        assert [job.run_id for job in plan.jobs] == [file.parent.name]
        assert harness("run", "--config", file, "--dry-run").out.count("finished") == 1


def test_settings_and_variants_reach_the_method_and_seeds_change_the_numbers(asked, tmp_path):
    changed = partbench.run(**asked(tmp_path, methods=["ivpt", "ivpt@last_layer"], seeds=[0, 1],
                                    set={"ivpt.prototypes": [5, 4], "ivpt.head_rate": 0.02}))
    assert set(changed.run_id.groupby([changed.variant, changed.seed]).nunique()) == {1}
    assert changed.run_id.nunique() == 4
    designs = {variant: json.loads(text) for variant, text in zip(changed.variant, changed.settings, strict=True)}
    assert {variant: settings["design"] for variant, settings in designs.items()} == {
        "": "grouped", "last_layer": "last_layer"}
    assert all(settings["prototypes"] == [5, 4] and settings["head_rate"] == 0.02 for settings in designs.values())
    insertion = changed[(changed.metric == "insertion") & (changed.level == "final")]
    assert insertion.value.nunique() == 4


def test_a_dry_run_prints_the_plan_and_writes_nothing(harness, flags, tmp_path):
    end = harness("run", *flags(tmp_path / "out", seeds="0,1"), "--dry-run")
    assert end.code == 0
    assert end.out.count("to do") == 4 + 1
    assert not (tmp_path / "out").exists()


def test_a_run_that_diverges_is_a_failed_row_and_the_others_go_on(harness, flags, tmp_path):
    end = harness("run", *flags(tmp_path, set=["ivpt.head_rate=1e30", "ivpt.prototypes=4,3"]))
    assert end.code == 1
    frame, problems = Store(tmp_path).read()
    assert not problems
    [failed] = frame[frame.status == "failed"].itertuples()
    assert failed.method == "ivpt"
    assert "loss broke in stage" in failed.error
    assert "classification is nan" in failed.error
    assert "accuracy" in set(frame[(frame.method == "prompt_cam") & (frame.status == "done")].metric)
    why = harness("why", failed.run_id, "--out", tmp_path)
    assert why.code == 0
    assert "failed: Diverged: loss broke" in why.out


def test_training_batches_are_a_fixed_shuffle_that_changes_with_the_epoch(tiny_cub, tmp_path):
    from rehearsal import toy, training

    loader = replace(training(tiny_cub, tmp_path).loader(toy().stages(4)[0], 1), warp=True)
    epochs = [list(loader.epoch(epoch)) for epoch in (0, 1, 0)]
    ids = [[name for batch in epoch for name in batch.ids] for epoch in epochs]
    assert ids[0] == ids[2] != ids[1]
    assert sorted(ids[0]) == sorted(ids[1]) == sorted(loader.split.ids)
    # One picture in two epochs: other augmentation; and the warp of a step is another one, too.
    pictures = [{name: image for batch in epoch for name, image in zip(batch.ids, batch.images, strict=True)}
                for epoch in epochs]
    assert all(pictures[0][name].equal(pictures[2][name]) for name in ids[0])
    assert not any(pictures[0][name].equal(pictures[1][name]) for name in ids[0])
    warps = [epoch[0].affine.apply(pictures[0][ids[0][0]][None]) for epoch in epochs]
    assert warps[0].equal(warps[2])
    assert not warps[0].equal(warps[1])


def test_controls_asked_for_later_reach_the_page(harness, flags, tmp_path):
    page = tmp_path / "report" / "index.html"
    request = {"methods": ["prompt_cam"], "epochs": 1}
    assert harness("run", *flags(tmp_path, **request)).code == 0
    assert "constant peak" not in page.read_text()
    assert harness("run", *flags(tmp_path, **request, controls=True)).code == 0
    assert "constant peak" in page.read_text()


def test_a_run_reads_its_pictures_from_decoded_copies(asked, tmp_path, monkeypatch):
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path / "cache"))
    table = partbench.run(**asked(tmp_path / "results", methods="ivpt", epochs=1, decoded_side=40))
    assert table.status.isin(["done", "not_applicable"]).all()
    kept = list((tmp_path / "cache" / "decoded").rglob("*.npz"))
    # Nine for training and keypoint regression, nine for scoring, and three of validation: stored in the same block.
    assert len(kept) == 21
