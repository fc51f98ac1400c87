"""Lists, cards and reasons: what they say, and that they say it without torch."""

import logging

import pytest

from partbench.datasets import registry as datasets
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.results.run_folders import run_folder
from partbench.harness.results.run_log import run_log
from partbench.harness.schedule.attempts import write_attempt
from partbench.leaderboard import Row, Store

WORDS = {
    "methods": ["ivpt", "@public", "@last_layer", "prompt_cam", "@faithful"],
    "datasets": ["cub", "CUB-200-2011"],
    "metrics": ["accuracy", "consistency_gain", "stability", "insertion"],
    "protocols": ["partbench"],
    "backbones": ["deit_tiny_patch16_224", "any other timm vision transformer"],
}


def test_help_lists_and_cards_import_neither_torch_nor_ray_nor_pandas(fresh, tmp_path):
    ends, imported = fresh(["--help"], ["run", "--help"], *(["list", kind] for kind in WORDS), ["show", "ivpt"],
                           ["show", "cub"], ["show", "consistency"], ["show", "partbench"])
    assert [(end.code, end.err) for end in ends] == [(0, "")] * len(ends)
    assert not imported & {"torch", "ray", "timm", "pandas", "torchvision"}
    for words, end in zip(WORDS.values(), ends[2:], strict=False):
        assert all(word in end.out for word in words), end.out
    assert all(word in ends[0].out for word in ("run", "list", "show", "why", "report", "doctor"))


def test_help_imports_neither_rich_nor_pydantic(fresh):
    (end,), imported = fresh(["--help"])
    assert end.code == 0
    assert not imported & {"rich", "pydantic", "numpy"}


def test_runs_of_a_leaderboard_that_is_up_to_date_are_listed_without_pandas(fresh, results, harness):
    out, _ = results
    Store(out).build()
    (listed,), imported = fresh(["list", "runs", "--out", str(out)])
    assert "pandas" not in imported
    (out / "leaderboard.parquet").unlink()
    assert listed == harness("list", "runs", "--out", out)


def test_a_card_shows_settings_bounds_variants_and_paper(harness):
    shown = harness("show", "ivpt").out
    for word in ("prototypes", "(17, 14, 11, 8, 5)", ">= 0", "ivpt@bias", "softmax assignment", "@inproceedings"):
        assert word in shown, shown
    for word in ("1e-05 to 0.01, log", "parts: the same for all classes", "backbones: vision transformers\n"):
        assert word in shown, shown
    assert "and convolutional networks" in harness("show", "protopnet").out
    assert "without training anew: explainer" in harness("show", "linear_probe").out
    assert "shallow" in harness("show", "prompt_cam@shallow").out
    assert "half_size" in harness("show", "partbench").out


def test_a_data_set_says_what_it_holds_where_it_is_looked_for_and_how_to_get_it(harness, monkeypatch):
    monkeypatch.setenv("PARTBENCH_DATA", "/srv/data")
    rows = {row.split()[0]: " ".join(row.split()[1:]) for row in harness("list", "datasets").out.splitlines()}
    assert rows["cub"] == "CUB-200-2011 200 15 11,788 by download"
    assert rows["nabirds"] == "NABirds 555 11 48,562 by hand"
    assert (rows["synthetic_birds"], rows["image_folder"]) == ("Synthetic birds drawn", "Image folder from you")
    shown = harness("show", "oxford_pets").out
    for line in ("holds: 37 classes, 1 part, 3,680 train, 3,669 test", "to get it: harness data get oxford_pets",
                 "folder: /srv/data/oxford_pets, unless --data-root names another"):
        assert line in shown.splitlines(), shown
    assert "breed | species" in shown
    assert "to get it: Agree to the terms on https://dl.allaboutbirds.org/nabirds" in harness("show", "nabirds").out


def test_the_bibtex_of_a_card_is_printed_as_it_stands(harness):
    assert datasets.get("nabirds").paper in harness("show", "nabirds").out


@pytest.fixture
def results(asked, tmp_path):
    """Three runs: done; done on test after a failed attempt and failed on val since; interrupted with a log."""
    plan = make_plan(make_config(asked(tmp_path, methods=["ivpt"], seeds=[0, 1, 2])))
    store = Store(tmp_path)
    for job in plan.jobs:
        run_folder(str(tmp_path), job.run_id).mkdir(parents=True)
        (run_folder(str(tmp_path), job.run_id) / "spec.json").write_text(f'{{"seeds": [{job.spec.seed}]}}')
    first, second, third = plan.jobs
    write_attempt(second, "failed", "loss [term] 'entropy' is nan")
    for job in (first, second):
        store.write_scores(job.run_id, job.protocol.id, "test", [Row(
            run_id=job.run_id, method="ivpt", dataset="cub", seed=job.spec.seed, metric="accuracy", value=0.5,
            protocol="partbench", protocol_id=job.protocol.id, unit="fraction", n=9)])
    write_attempt(third, "interrupted", "stopped by the user")
    with run_log(run_folder(str(tmp_path), third.run_id) / "log.txt"):
        for number in range(50):
            logging.getLogger("partbench").info("line %d", number)
    return tmp_path, plan.jobs


def test_runs_are_listed_with_their_status(results, harness):
    out, jobs = results
    lines = {line.split()[0]: line for line in harness("list", "runs", "--out", out).out.splitlines()[1:]}
    assert [lines[job.run_id].split()[5] for job in jobs] == ["done", "done", "interrupted"]


def test_why_gives_the_reason_and_the_end_of_the_log(results, harness):
    out, (first, second, third) = results
    assert harness("why", first.run_id, "--out", out).out.startswith(f"{first.run_id}  done\n")
    assert harness("why", second.run_id[:12], "--out", out).out.startswith(f"{second.run_id}  done\n")
    told = harness("why", third.run_id, "--out", out).out
    assert told.startswith(f"{third.run_id}  interrupted: stopped by the user")
    assert "line 49" in told
    assert "line 10\n" not in told


def test_why_prints_an_error_as_it_is(results, harness):
    out, (_, second, _) = results
    for file in (out / "rows").glob(f"{second.run_id}.*.parquet"):
        if "attempt" not in file.name:
            file.unlink()
    assert "failed: loss [term] 'entropy' is nan" in harness("why", second.run_id, "--out", out).out


def test_a_run_shows_its_spec(results, harness):
    out, jobs = results
    assert harness("show", jobs[1].run_id, "--out", out).out.strip() == '{"seeds": [1]}'


def test_digits_that_begin_several_runs_are_told_apart_from_none(results, harness):
    out, jobs = results
    (out / "runs" / f"{jobs[0].run_id[:8]}ffffffff").mkdir()
    end = harness("why", jobs[0].run_id[:8], "--out", out)
    assert end.code == 2
    assert "2 runs begin with" in end.err


def test_a_torn_row_file_is_named_and_the_rest_is_listed(results, harness):
    out, jobs = results
    torn = next((out / "rows").glob(f"{jobs[0].run_id}.*"))
    torn.write_bytes(b"PAR1")
    listed = harness("list", "runs", "--out", out)
    assert listed.code == 0
    assert torn.name in listed.out.replace("\n", "")
    assert jobs[1].run_id in listed.out
