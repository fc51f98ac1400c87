"""Damage to every kind of file in a folder of results: it is skipped and told, and nothing of it is believed."""

import json
import shutil
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from partbench.errors import UserError
from partbench.leaderboard import ClassSums, Row, Store, boards, build_report, load
from partbench.leaderboard.store_care import check_results, repair_results

RUN, LOST, PROTOCOL = "0123456789abcdef", "fedcba9876543210", "1a2b3c4d"
KINDS = {"rows": f"rows/{RUN}.{PROTOCOL}.parquet", "attempt": f"rows/{LOST}.attempt-1.parquet",
         "items": f"items/{RUN}.{PROTOCOL}.parquet", "board": "leaderboard.parquet", "spec": f"runs/{RUN}/spec.json",
         "losses": f"runs/{RUN}/losses.csv", "log": f"runs/{RUN}/log.txt",
         "facts": f"runs/{RUN}/explanations.json", "maps": f"runs/{RUN}/explanations.safetensors",
         "checkpoint": f"runs/{RUN}/checkpoints/epoch-00001.json",
         "weights": f"runs/{RUN}/checkpoints/epoch-00001.safetensors",
         "journal": "sweeps/s/ivpt.log", "request": "sweeps/s/ivpt.request.json", "audit": "audit/cub.json"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder of results with a file of every kind."""
    out = tmp_path_factory.mktemp("whole")
    store, common = Store(out), {"method": "ivpt", "dataset": "cub", "backbone": "deit"}
    store.write_scores(RUN, PROTOCOL, "test", [Row(run_id=RUN, metric="consistency", protocol_id=PROTOCOL, value=0.5,
                                                   unit="fraction", n=60, **common)])
    store.write_items(RUN, PROTOCOL, "test", pd.DataFrame({"metric": "consistency", "level": "final", "label": [0, 1],
                                                           "value": [3.0, 7.0], "weight": 10.0}))
    store.write_attempt(LOST, [Row(run_id=LOST, status="failed", error="no space", **common)])
    store.build()
    for name, text in {"spec": json.dumps({"methods": ["ivpt"], "dataset": "cub"}), "log": "INFO done\n",
                       "losses": "epoch,stage,term,loss\n1,joint,total,0.5\n", "weights": "tensors",
                       "checkpoint": json.dumps({"sha256": sha256(b"tensors").hexdigest()}),
                       "journal": '{"op_code": 0}\n', "request": "{}", "audit": "{}"}.items():
        (out / KINDS[name]).parent.mkdir(parents=True, exist_ok=True)
        (out / KINDS[name]).write_text(text)
    maps = np.random.default_rng(0).random((1, 2, 3, 3)).astype(np.float16)
    save_file({"images": np.zeros((1, 3, 8, 8), np.uint8), "part_maps.final": maps,
               "part_ids.final": np.arange(2)[None]}, out / KINDS["maps"])
    (out / KINDS["facts"]).write_text(json.dumps({
        "run_id": RUN, "method": "ivpt", "dataset": "cub", "ids": ["1"], "labels": [0], "predicted": [0],
        "classes": ["albatross", "wren"], "levels": ["final"]}))
    return out


DAMAGE = st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7), st.booleans())


def damage(file: Path, where: float, bit: int, cut: bool) -> None:
    content = bytearray(file.read_bytes())
    place = int(where * len(content))
    if cut:
        del content[place:]
    else:
        content[place] ^= 1 << bit
    file.write_bytes(content)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(damage_done=DAMAGE)
def test_readers_skip_what_is_damaged_and_believe_nothing_of_it(whole, harness, kind, damage_done):
    with TemporaryDirectory() as place:
        out = Path(place, "out")
        shutil.copytree(whole, out)
        damage(out / KINDS[kind], *damage_done)
        frame = load(out)
        assert {*frame["run_id"]} <= {RUN, LOST}
        assert {*frame["value"].dropna()} <= {0.5}
        assert {*frame["error"]} <= {"", "no space"}
        for board in boards(frame, ClassSums(Store(out))):
            for line in board.lines:
                sums = board.class_sums(line, "consistency")
                assert sums is None or sums.value == 0.5
        finished = Store(out).finished(PROTOCOL, "test")
        assert finished == ({*Store(out).read()[0].query("status == 'done'")["run_id"]})
        for command in (("list", "runs"), ("why", RUN), ("why", LOST[:4]), ("show", RUN), ("store", "check", out)):
            ended = harness(*command, *(() if "store" in command else ("--out", out)))
            assert ended.code in (0, 1, 2), ended.err
            assert "Traceback" not in ended.err
            assert ended.code < 2 or ended.err.count("\n") == 1


@pytest.mark.parametrize("kind", ["rows", "items", "board", "losses", "log", "facts", "maps"])
def test_the_page_is_built_whatever_is_damaged(whole, tmp_path, kind):
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    damage(out / KINDS[kind], 0.5, 3, False)
    assert build_report(out).exists()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("log", "losses", "spec", "maps", "facts")])
def test_a_repaired_folder_has_nothing_damaged_any_more(whole, tmp_path, kind):
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    damage(out / KINDS[kind], 0, 7, False)
    assert [finding for finding in check_results(out) if finding.is_damage]
    repair_results(out)
    assert not [finding for finding in check_results(out) if finding.is_damage]


def test_a_run_whose_rows_are_damaged_anywhere_is_done_again(whole, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    for place in range(0, 1000, 50):
        shutil.copy(whole / KINDS["rows"], out / "rows")
        assert Store(out).has_scores(RUN, PROTOCOL, "test")
        damage(out / KINDS["rows"], place / 1000, 0, False)
        assert not Store(out).has_scores(RUN, PROTOCOL, "test")


def test_a_spec_that_is_no_text_or_not_there_is_shown_as_far_as_it_can_be(whole, harness, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    (out / KINDS["spec"]).write_bytes(b'{"methods": ["i\xf6pt"]}')
    assert "methods" in harness("show", RUN, "--out", out).out
    (out / KINDS["spec"]).unlink()
    ended = harness("show", RUN, "--out", out)
    assert (ended.code, ended.err.count("\n")) == (2, 1)


def test_a_whole_folder_of_damage_is_one_line_for_each_file(whole, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    for file in KINDS.values():
        (out / file).write_bytes(b"")
    frame, problems = Store(out).current()
    assert (len(frame), len(problems)) == (0, 2)
    with pytest.raises(UserError, match="cannot read items"):
        Store(out).read_items(RUN, PROTOCOL)
