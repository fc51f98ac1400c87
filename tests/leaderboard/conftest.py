"""Rows and explanations to put into a store."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from partbench.leaderboard import Row, Store

RUN, OTHER = "0123456789abcdef", "fedcba9876543210"
PROTOCOL = "1a2b3c4d"


def _row(metric="accuracy", value=0.733, run_id=RUN, **changes):
    known = {"method": "ivpt", "dataset": "cub", "backbone": "deit", "protocol": "partbench", "protocol_id": PROTOCOL,
             "unit": "fraction", "ci_low": 0.701, "ci_high": 0.762, "n": 600} | changes
    return Row(run_id=run_id, metric=metric, value=value, **known)


def _failed(run_id=RUN, error="loss term 'entropy' is nan", **changes):
    known = {"method": "ivpt", "dataset": "cub", "backbone": "deit", "status": "failed"} | changes
    return Row(run_id=run_id, error=error, **known)


@pytest.fixture(scope="session")
def row():
    return _row


@pytest.fixture(scope="session")
def failed():
    return _failed


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path)
    made.check_writable()
    return made


@pytest.fixture
def score(store):
    """Store one score of a run: the mean of its classes' shares, with what each class adds beside some evidence."""

    def write(run_id, shares, metric="consistency", level="final", value=None, split="test", protocol_id=PROTOCOL,
              **changes):
        value = float(np.mean(shares)) if value is None else value
        store.write_scores(run_id, protocol_id, split, [_row(
            metric, value, run_id, level=level, split=split, protocol_id=protocol_id, ci_low=value - 0.03,
            ci_high=value + 0.03, **changes)])
        sums = pd.DataFrame({"label": range(len(shares)), "value": 30 * np.asarray(shares), "weight": 30.0})
        items = pd.concat([sums, pd.DataFrame({"label": [0], "x": [3.0]})], ignore_index=True)
        store.write_items(run_id, protocol_id, split, items.assign(metric=metric, level=level))

    return write


@pytest.fixture(scope="session")
def explain_in():
    """Write explanations of a run into a results folder; keyword arguments replace facts."""

    def write(results, run_id=RUN, partition=True, **changes):
        random = np.random.default_rng(0)
        maps = random.random((3, 4, 5, 5))
        maps /= maps.sum(1, keepdims=True)
        arrays = {"images": random.integers(0, 255, (3, 3, 32, 32), dtype=np.uint8),
                  "saliency": random.random((3, 5, 5)).astype(np.float16),
                  "part_maps.final": np.ascontiguousarray(maps[:, :3]).astype(np.float16),
                  "part_ids.final": np.tile(np.arange(3), (3, 1))}
        if partition:
            arrays["background.final"] = np.ascontiguousarray(maps[:, 3]).astype(np.float16)
        facts = {"run_id": run_id, "method": "ivpt", "title": "IVPT", "dataset": "cub", "ids": ["1", "2", "3"],
                 "labels": [0, 1, 0], "predicted": [0, 0, 0], "classes": ["Laysan_Albatross", "Sooty_Albatross"],
                 "levels": ["final"], "maps": "what they are", "redistributable": True} | changes
        folder = results / "runs" / run_id
        folder.mkdir(parents=True)
        save_file(arrays, folder / "explanations.safetensors")
        (folder / "explanations.json").write_text(json.dumps(facts))
        return folder

    return write


@pytest.fixture
def explain(tmp_path, explain_in):
    """The same, into the test's own folder."""
    return partial(explain_in, tmp_path)
