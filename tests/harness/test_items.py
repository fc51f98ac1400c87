"""What an evaluation keeps: evidence that comes back from its file as it went in."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.harness.forwards import needs_of
from partbench.harness.scoring.evidence import Evidence
from partbench.harness.scoring.items import evidence_of, items_table, protocol_of
from partbench.harness.scoring.reuse import reuse, sources
from partbench.harness.scoring.score import scores
from partbench.leaderboard import Store
from partbench.metrics import fidelity_subset
from partbench.metrics.protocol import protocol

PARTBENCH = protocol("partbench")
SIX = protocol("partbench", fidelity_images=6)


def evidence(images=12, classes=3, concepts=4, parts=5, draws=3, seed=0, levels=("final", "public")):
    """Evidence as a run with class-agnostic parts leaves it."""
    made, found = torch.Generator().manual_seed(seed), Evidence()
    ids, labels = tuple(f"image {n}" for n in range(images)), torch.arange(images) % classes
    found.add("logits", "final", ids, labels, logits=torch.randn(images, classes, generator=made))
    found.add("keypoints", "", ids, labels, visible=torch.rand(images, parts, generator=made) < 0.8,
              keypoints=torch.randint(-50, 300, (images, parts, 2), generator=made, dtype=torch.int32))
    for level in levels:
        peaks = torch.randint(224, (images, 1 + draws, concepts, 2), generator=made, dtype=torch.int16)
        flat = torch.rand(images, 1 + draws, concepts, generator=made) < 0.1
        found.add("peaks", level, ids, labels, part_ids=torch.arange(concepts).expand(images, -1), peaks=peaks[:, 0],
                  flat=flat[:, 0], strengths=torch.rand(images, concepts, generator=made), moved=peaks[:, 1:],
                  moved_flat=flat[:, 1:])
        found.add("assignment", level, ids, labels,
                  assignment=torch.randint(-1, concepts + 1, (images, parts), generator=made))
    few = fidelity_subset(ids, labels.tolist(), SIX)
    for mode in ("insertion", "deletion"):
        found.add(f"{mode}_curve", "final", tuple(ids[n] for n in few), labels[few],
                  curve=torch.rand(len(few), 225, generator=made))
    return found


def numbers(found):
    return {(score.metric, score.level): (score.value, *score.interval, score.images) for score in found}


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.integers(0, 63), st.integers(0, 3),
       st.integers(0, 99))
def test_evidence_comes_back_as_it_was(images, classes, concepts, parts, draws, seed):
    given = evidence(images, classes, concepts, parts, draws, seed)
    back = evidence_of(items_table(given, [], "run", "test", PARTBENCH))
    assert set(back.keys()) == set(given.keys())
    for kind, level in given.keys():
        one, other = given.get(kind, level), back.get(kind, level)
        assert one.ids == other.ids
        assert torch.equal(one.labels, other.labels)
        for name, value in one.values.items():
            assert torch.equal(value, other[name]), name
            assert value.dtype == other[name].dtype, name


def test_the_same_scores_follow_from_the_file(tmp_path):
    given = evidence()
    found = scores(given, PARTBENCH)
    store = Store(tmp_path)
    store.write_items("a" * 16, PARTBENCH.id, "test", items_table(given, found, "a" * 16, "test", PARTBENCH))
    table, = store.all_items("a" * 16)
    assert protocol_of(table) == PARTBENCH
    assert numbers(scores(evidence_of(table), PARTBENCH)) == numbers(found)
    assert len(found) > 15


def test_batches_of_any_size_leave_the_same_evidence():
    whole = evidence().get("peaks", "final")
    pieces = Evidence()
    for start, end in ((0, 1), (1, 8), (8, 12)):
        pieces.add("peaks", "final", whole.ids[start:end], whole.labels[start:end],
                   **{name: value[start:end] for name, value in whole.values.items()})
    assert all(torch.equal(value, pieces.get("peaks", "final")[name]) for name, value in whole.values.items())


def test_hits_are_bits_of_the_keypoints_in_the_region():
    given = evidence(draws=0)
    table = items_table(given, [], "run", "test", PARTBENCH).to_pandas()
    peaks, known = given.get("peaks", "final"), given.get("keypoints")
    rows = table[(table.metric == "peaks") & (table.level == "final")]
    distance = (peaks["peaks"][:, :, None].int() - known["keypoints"][:, None]).abs().amax(-1)
    low = known["keypoints"][:, None].amin(-1)
    expected = (distance <= 36) & known["visible"][:, None] & ~peaks["flat"][..., None] & (low >= 0) & (
        known["keypoints"][:, None].amax(-1) <= 224)
    bits = (expected.long() << torch.arange(5)).sum(2).flatten()
    assert np.array_equal(rows.hits.to_numpy().astype(np.int64), bits.numpy())


@pytest.mark.parametrize(("name", "changes"), [
    ("partbench", {"half_size": 20, "threshold": 0.5, "min_visible": 2}), ("huang2023", {}),
    ("partbench", {"noise_draws": 1}), ("partbench", {"fidelity_images": 3}), ("partbench", {"level": "public"}),
])
def test_what_only_scoring_reads_can_change_without_the_model(name, changes, tmp_path):
    wanted = protocol(name, **{"fidelity_images": 6} | changes)
    reused = reuse(kept(tmp_path, SIX), wanted,
                   needs_of(wanted) & {"logits", "peaks", "noisy_peaks", "assignment", "insertion", "deletion"})
    assert not reused.missing
    assert scores(reused.evidence, wanted)


@pytest.mark.parametrize(("need", "changes"), [
    ("logits", {"accuracy_view": "squashed"}), ("peaks", {"canvas": 448}), ("noisy_peaks", {"noise_std": 0.3}),
    ("noisy_peaks", {"noise_draws": 4}), ("insertion", {"fidelity_steps": 50}), ("deletion", {"fidelity_images": 7}),
    ("deletion", {"deletion_substrate": "zeros"}), ("assignment", {"assignment_normalised": False}),
])
def test_what_the_passes_depend_on_cannot(need, changes, tmp_path):
    wanted = protocol("partbench", **{"fidelity_images": 6} | changes)
    reused = reuse(kept(tmp_path, SIX), wanted, {need})
    assert need in reused.missing
    assert next(iter(changes)) in reused.missing[need]
    assert not list(reused.evidence.keys())


def test_a_changed_substrate_of_deletion_leaves_insertion_alone(tmp_path):
    wanted = protocol("partbench", fidelity_images=6, deletion_substrate="zeros")
    reused = reuse(kept(tmp_path, SIX), wanted,
                   {"insertion", "deletion"})
    assert reused.served == {"insertion"}


def test_items_of_an_unknown_protocol_or_a_broken_shape_are_passed_over(tmp_path):
    store, run = Store(tmp_path), "a" * 16
    table = items_table(evidence(), [], run, "test", PARTBENCH)
    metadata = table.schema.metadata
    shapes = json.loads(metadata[b"evidence"])
    shapes["logits/final"]["logits"]["shape"] = [77]
    broken = ({b"protocol": b"{}x"}, {b"passes": b"0"}, {b"evidence": json.dumps(shapes)}, {b"evidence": b"[]"})
    for number, changed in enumerate(broken):
        store.write_items(run, f"p{number}", "test", table.replace_schema_metadata(metadata | changed))
    assert sources(store, run, "test") == []


def kept(folder, under):
    """The sources of a run evaluated once."""
    store, run = Store(folder), "a" * 16
    store.write_items(run, under.id, "test", items_table(evidence(), [], run, "test", under))
    return sources(store, run, "test")
