"""Parts: what concepts mark, in numbers that are the metrics' own, and a page that says where they fail."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from partbench import metrics
from partbench.harness.scoring.evidence import Evidence as Made
from partbench.harness.scoring.items import items_table
from partbench.harness.scoring.score import scores
from partbench.leaderboard import (
    ClassSums,
    build_report,
    class_gain_figure,
    held_figure,
    hit_matrix_figure,
    load,
    part_boards,
)
from partbench.leaderboard.collect import boards
from partbench.leaderboard.evidence import EvidenceOf, Marks
from partbench.leaderboard.named import Names
from partbench.leaderboard.part_tally import Tally, exchanged, part_hits
from partbench.leaderboard.parts import collect
from partbench.metrics.protocol import protocol

RULES = protocol("partbench", gain_derangements=3)
RUN, OTHER = "0123456789abcdef", "fedcba9876543210"
HOSTILE = "<script>window.pwned=1</script>\u202e" + "x" * 2000


def drawn(seed: int, images: int = 12, classes: int = 3, concepts: int = 4, parts: int = 5,
          shared: bool = True) -> dict[str, Tensor]:
    """Random peaks of some concepts and keypoints of some parts; some maps flat, some parts hidden."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (images,), generator=random).sort()[0]
    ids = torch.arange(concepts).expand(images, -1)
    return {"labels": labels, "part_ids": ids if shared else labels[:, None] * concepts + ids,
            "peaks": torch.randint(224, (images, concepts, 2), generator=random),
            "flat": torch.rand(images, concepts, generator=random) < 0.1,
            "keypoints": torch.randint(224, (images, parts, 2), generator=random),
            "visible": torch.rand(images, parts, generator=random) < 0.7}


def marks_of(of: dict[str, Tensor]) -> Marks:
    peaks = torch.where(of["flat"][..., None], -1, of["peaks"])
    hits = metrics.part_hits(peaks, of["keypoints"], of["visible"], RULES.half_size, RULES.canvas)
    return Marks(tuple(map(str, range(len(peaks)))), of["labels"].numpy(), of["part_ids"].numpy(),
                 peaks.numpy().astype(np.int16), hits.numpy(), of["visible"].numpy(),
                 of["keypoints"].numpy().astype(np.int16))


@pytest.fixture
def evaluated(store, row):
    """Store scores and items of a run that left these peaks, as a run does; further arguments are columns of rows."""

    def write(of, run_id=RUN, **columns):
        made, ids = Made(), tuple(map(str, range(len(of["labels"]))))
        empty = torch.zeros(len(ids), 0, of["peaks"].shape[1], dtype=torch.bool)
        made.add("keypoints", "", ids, of["labels"], visible=of["visible"], keypoints=of["keypoints"].int())
        made.add("peaks", "final", ids, of["labels"], part_ids=of["part_ids"], peaks=of["peaks"].short(),
                 flat=of["flat"], strengths=torch.rand(of["flat"].shape), moved=empty[..., None].expand(
                     -1, -1, -1, 2).short(), moved_flat=empty)
        found = scores(made, RULES)
        store.write_items(run_id, RULES.id, "test", items_table(made, found, run_id, "test", RULES))
        store.write_scores(run_id, RULES.id, "test", [
            row(each.metric, each.value, run_id, protocol_id=RULES.id, ci_low=None, ci_high=None, **columns)
            for each in found if each.value is not None])
        return store

    return write


def collected(store, **options):
    board, = boards(load(store.folder.url), ClassSums(store))
    return collect(board, EvidenceOf(store), lambda lines: Names(), **options)


@given(seed=st.integers(0, 10**6), shared=st.booleans(), half_size=st.integers(0, 112))
@settings(max_examples=30, deadline=None)
def test_hits_and_consistency_are_those_of_the_metric(seed, shared, half_size):
    of, rules = drawn(seed, shared=shared), protocol("partbench", half_size=half_size, threshold=0.5)
    marks = marks_of(of)
    hits = metrics.part_hits(torch.tensor(marks.peaks), of["keypoints"], of["visible"], half_size, 224)
    assert (part_hits(marks.peaks, marks.keypoints, marks.visible, rules) == hits.numpy()).all()
    known = Marks(marks.ids, marks.labels, marks.part_ids, marks.peaks, hits.numpy(), marks.visible, marks.keypoints)
    assert Tally.of(known).consistency(rules) == pytest.approx(
        metrics.consistency(hits, of["visible"], of["labels"], of["part_ids"], 0.5), abs=1e-12)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_peaks_that_never_move_gain_nothing_on_any_part(seed):
    of = drawn(seed)
    of["peaks"], of["flat"] = of["peaks"][:1].expand_as(of["peaks"]), torch.zeros_like(of["flat"])
    own, *borrowed = exchanged(marks_of(of), RULES) or [None]
    for other in borrowed:
        assert (other.hit == own.hit).all()
        assert (other.shown == own.shown).all()


def test_the_page_scores_what_the_leaderboard_scores(evaluated, store):
    evaluated(drawn(1))
    found, = collected(store)
    view, = found.views
    rows = load(store.folder.url).set_index("metric")["value"]
    assert view.consistency == pytest.approx(rows["consistency"], abs=1e-12)
    terms = [4] * len(view.labels)  # as many concepts in every class
    assert np.average([view.by_class[label] for label in view.labels], weights=terms) == pytest.approx(
        rows["consistency"])
    assert np.mean(list(view.gain_by_class.values())) == pytest.approx(rows["consistency_gain"])
    assert np.nanmax(view.matrix) <= 1


def test_a_concept_of_its_own_class_has_no_line_over_classes(evaluated, store):
    evaluated(drawn(2, shared=False), method="protopnet")
    view, = collected(store)[0].views
    assert not len(view.concepts)
    assert view.best.shape == (3, 5)


def test_lines_beyond_the_limit_are_named(evaluated, store):
    evaluated(drawn(1))
    evaluated(drawn(2), OTHER, method="vpt_deep")
    found, = collected(store, most=1)
    assert len(found.views) == len(found.left_out) == 1


def test_figures_hold_what_the_page_shows(evaluated, store):
    evaluated(drawn(1))
    evaluated(drawn(2, shared=False), OTHER, method=HOSTILE)
    found, = part_boards(store.folder.url)
    shared, own = sorted(found.views, key=lambda view: -len(view.concepts))
    assert hit_matrix_figure(found, shared).data[0].z == pytest.approx(100 * shared.matrix, abs=0.06, nan_ok=True)
    assert len(hit_matrix_figure(found, own).data[0].z) == 3
    assert held_figure(found).data[0].z[0] == pytest.approx(100 * found.views[0].held, abs=0.06, nan_ok=True)
    assert class_gain_figure(found).data[0].zmin == -100


def test_evidence_that_is_torn_or_of_other_images_is_not_shown(evaluated, store, tmp_path, caplog):
    evaluated(drawn(1))
    path = tmp_path / "items" / f"{RUN}.{RULES.id}.parquet"
    path.write_bytes(path.read_bytes()[:-50])
    assert collected(store) == []
    assert "is not shown" in caplog.text


def test_hostile_names_are_text_and_the_same_rows_give_the_same_page(evaluated, explain, tmp_path):
    evaluated(drawn(1), method=HOSTILE)
    explain(classes=[HOSTILE, "", "🐦"], parts=[HOSTILE, "beak", "", "tail", "eye"])
    report = build_report(tmp_path).with_name("parts.html")
    html = report.read_text()
    assert "<script>window" not in html
    assert "x" * 500 not in html
    assert "beak" in html
    assert "🐦" in html
    build_report(tmp_path)
    assert report.read_text() == html


def test_without_evidence_of_parts_there_is_no_page(store, row, tmp_path):
    store.write_scores(RUN, RULES.id, "test", [row("consistency", protocol_id=RULES.id)])
    assert not build_report(tmp_path).with_name("parts.html").exists()
