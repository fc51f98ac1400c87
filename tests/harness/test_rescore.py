"""`harness score`: another protocol from what the evaluation kept, and a refusal where that takes the model."""

import json
import shutil

import pytest

import partbench
from partbench.metrics.protocol import protocol


@pytest.fixture(scope="module")
def done(asked, tmp_path_factory):
    """Folder of two finished runs, and their ids by method."""
    out = tmp_path_factory.mktemp("scored")
    frame = partbench.run(**asked(out, epochs=1))
    return out, frame.groupby("method").run_id.first().to_dict()


@pytest.fixture
def copy(done, tmp_path):
    out = shutil.copytree(done[0], tmp_path / "out")
    for file in (out / "runs").glob("*/checkpoints/*"):
        file.unlink()  # scores must not need the model
    return out, done[1]


def rows(out, run_id, name, **changes):
    frame = partbench.leaderboard.load(out)
    found = frame[(frame.run_id == run_id) & (frame.protocol_id == protocol(name, **changes).id)]
    return found.set_index(["metric", "level"])


@pytest.mark.parametrize("method", ["ivpt", "prompt_cam"])
def test_a_run_is_scored_under_another_protocol_without_its_model(copy, harness, method):
    out, ids = copy
    end = harness("score", ids[method][:8], "--protocol", "huang2023", "--out", str(out))
    assert end.code == 0, end.err
    found = rows(out, ids[method], "huang2023")
    assert set(found.index.get_level_values("metric")) == {"consistency", "stability"}
    before = partbench.leaderboard.load(out).query("run_id == @ids[@method] and protocol == 'partbench'").iloc[0]
    assert set(found.train_seconds) == {before.train_seconds}
    assert set(found.n) == {9}


def test_a_protocol_that_only_scores_differently_gives_what_a_run_under_it_gives(copy, harness, asked, tmp_path):
    out, ids = copy
    changes = {"half_size": 60, "threshold": 0.5}
    flags = [part for name, value in changes.items() for part in ("--set", f"protocol.{name}={value}")]
    assert harness("score", ids["ivpt"], "--protocol", "partbench", "--out", str(out), *flags,
                   "--set", "protocol.fidelity_images=2").code == 0
    run = asked(tmp_path / "again", methods="ivpt", epochs=1, set={f"protocol.{k}": v for k, v in changes.items()})
    again = partbench.run(**run).set_index(["metric", "level"])
    found = rows(out, ids["ivpt"], "partbench", fidelity_images=2, **changes)
    columns = ["value", "ci_low", "ci_high", "n", "status"]
    assert found[columns].sort_index().equals(again[columns].sort_index())


def test_a_protocol_that_needs_passes_says_which_and_how(copy, harness):
    out, ids = copy
    before = sorted((out / "rows").iterdir())
    end = harness("score", ids["ivpt"], "--protocol", "rise", "--out", str(out))
    assert end.code == 2
    assert len(end.err.strip().splitlines()) == 1
    assert "insertion, deletion need model passes" in end.err
    assert f"--config {out}/runs/{ids['ivpt']}/spec.json --protocol rise" in end.err
    assert sorted((out / "rows").iterdir()) == before


def test_the_passes_it_asks_for_are_all_that_is_made(done, harness, tmp_path):
    out, ids = shutil.copytree(done[0], tmp_path / "out"), done[1]
    spec = out / "runs" / ids["ivpt"] / "spec.json"
    end = harness("run", "--config", str(spec), "--protocol", "ivpt", "--in-process", "--out", str(out))
    assert end.code == 0, end.err
    found = rows(out, ids["ivpt"], "ivpt")
    assert {"accuracy", "consistency", "stability", "nmi", "ari", "keypoint_regression"} == set(
        found.index.get_level_values("metric"))
    assert set(found.index.get_level_values("level")) == {"final", "public"}  # accuracy belongs to no map set
    log = (out / "runs" / ids["ivpt"] / "log.txt").read_text()
    assert log.count("epoch 1 of 1: loss") == 1
    # Whole images without normalisation, and the training images that keypoints are learnt from; no noisy pass.
    assert "score parts" not in end.err


@pytest.mark.parametrize(("arguments", "said"), [
    (["nothing", "--protocol", "rise"], "no run 'nothing'"),
    (["", "--protocol", "rise"], "no run ''"),
    (["RUN", "--protocol", "rises"], "did you mean 'rise'"),
    (["RUN", "--protocol", "partbench", "--set", "ivpt.design=bias"], "only settings of the protocol"),
    (["RUN", "--protocol", "partbench", "--set", "protocol.halfsize=3"], "half_size"),
    (["RUN", "--protocol", "partbench", "--set", "protocol.threshold=2"], "threshold"),
    (["RUN", "--protocol", "partbench", "--split", "val"], "no scores on val"),
])
def test_a_request_that_cannot_work_is_one_line(done, harness, arguments, said):
    out, ids = done
    given = [ids["ivpt"] if argument == "RUN" else argument for argument in arguments]
    end = harness("score", *given, "--out", str(out))
    assert end.code == 2
    assert said in end.err
    assert len(end.err.strip().splitlines()) == 1


def test_torn_items_are_not_trusted(copy, harness):
    out, ids = copy
    for file in (out / "items").glob(f"{ids['ivpt']}*"):
        file.write_bytes(file.read_bytes()[:-100])
    end = harness("score", ids["ivpt"], "--protocol", "huang2023", "--out", str(out))
    assert end.code == 2
    assert "the run has no items" in end.err


def test_a_saved_spec_keeps_what_the_user_changed_in_the_protocol(done, asked, tmp_path):
    partbench.run(**asked(tmp_path, methods="prompt_cam", epochs=1, set={"protocol.half_size": 50}))
    spec, = tmp_path.glob("runs/*/spec.json")
    assert json.loads(spec.read_text())["set"]["protocol.half_size"] == 50
    assert json.loads(spec.read_text())["protocol"] == "partbench"


def test_controls_of_a_protocol_are_those_it_has_a_use_for_and_are_made_once(copy, done, harness):
    out, ids = shutil.copytree(done[0], copy[0].with_name("whole")), done[1]
    command = ["run", "--config", str(out / "runs" / ids["prompt_cam"] / "spec.json"), "--protocol", "huang2023",
               "--controls", "--in-process", "--out", str(out)]
    assert harness(*command).code == 0
    found = partbench.leaderboard.load(out).query("protocol == 'huang2023' and method == 'control'")
    assert {variant for variant in found.variant if "+" in variant} == {
        f"prompt_cam+{kind}" for kind in ("untrained", "swapped", "shuffled")}
    assert set(found.metric) == {"consistency", "stability"}
    assert harness(*command).out.startswith("1 of 1 runs were finished before")


def test_data_without_parts_has_no_use_for_a_protocol_of_parts(asked, harness, flags, tiny_layouts, tmp_path):
    data = tiny_layouts.write_food101(tmp_path / "food101")
    request = {"dataset": "food101", "data_root": str(data), "methods": "prompt_cam", "epochs": 1}
    end = harness("run", *flags(tmp_path / "out", **request, protocol="huang2023"))
    assert end.code == 2
    assert "food101 has none; choose another" in end.err
    frame = partbench.run(**asked(tmp_path / "out", **request))
    assert set(frame.metric) >= {"accuracy", "insertion", "deletion", "distinctiveness"}
    assert not set(frame.metric) & {"consistency", "stability", "nmi", "purity", "occlusion_agreement"}
