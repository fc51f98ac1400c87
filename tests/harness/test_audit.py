"""`harness audit`: what it finds on annotations with a known answer, and what it refuses."""

import numpy as np
import pytest
import torch

from partbench.datasets.base import Annotations, PartDataset
from partbench.errors import UserError
from partbench.harness.audit import audit_dataset
from partbench.harness.controls.peaks import PartEvidence, stored_evidence
from partbench.harness.scoring.evidence import Evidence
from partbench.harness.scoring.items import items_table
from partbench.leaderboard import Row, Store
from partbench.metrics.protocol import protocol

RULES = protocol("partbench", canvas=56, half_size=9, gain_derangements=3, noise_draws=2)
RUN = "0123456789abcdef"


@pytest.fixture
def birds(monkeypatch):
    """``birds(keypoints, labels)``: a data set of pictures of 56 x 56 that nobody can open, the same for training."""
    def make(keypoints, labels, visible=None, parts=("beak", "tail"), test=True):
        keypoints, labels = np.asarray(keypoints, np.float32), np.asarray(labels)
        visible = np.ones(keypoints.shape[:2], bool) if visible is None else np.asarray(visible)
        train = np.repeat([True, not test], len(labels))
        twice = [np.concatenate([part, part]) for part in (labels, keypoints, visible)]
        names = [str(name) for name in range(len(train))]
        known = Annotations(names, ["missing.jpg"] * len(train), twice[0], np.tile([0.0, 0, 56, 56], (len(train), 1)),
                            *twice[1:], train, ~train & False)
        dataset = PartDataset("birds", ["a", "b", "c"], list(parts), known, "fingerprint")
        monkeypatch.setattr("partbench.datasets.load", lambda name, root, **options: dataset)
        return dataset
    return make


@pytest.fixture
def aligned(birds):
    """Beaks at (20, 10) in class 0 and at random in class 2, tails at random: no image of class 1."""
    generator = np.random.default_rng(0)
    keypoints = generator.uniform(0, 56, (40, 2, 2))
    keypoints[:20, 0] = 20, 10
    return birds(keypoints, np.repeat([0, 2], 20))


@pytest.fixture
def run(tmp_path):
    """A run of one row whose beak map always finds the beak."""
    (tmp_path / "runs" / RUN).mkdir(parents=True)
    Store(tmp_path).write_scores(RUN, RULES.id, "test", [
        Row(run_id=RUN, method="ivpt", variant="bias", metric="accuracy", value=0.5, dataset="birds",
            protocol_id=RULES.id)])
    return tmp_path


def finds_the_beak(dataset, labels=None, moved=None):
    def evidence(out, run_id, rules, split):
        samples = [dataset[split].annotation(i) for i in range(len(dataset[split]))]
        keypoints = torch.stack([sample.keypoints for sample in samples])
        given = torch.tensor([sample.label for sample in samples]) if labels is None else labels
        known = PartEvidence(keypoints[:, :1].long(), keypoints, torch.ones(keypoints.shape[:2], dtype=torch.bool),
                             given, torch.zeros(len(keypoints), 1).long(), moved)
        return {"final": known, "public": known}
    return evidence


def audited(runs=(), out="results", evidence=None, rules=RULES, split="test"):
    return audit_dataset("birds", runs, protocol=rules, out=out, split=split, run_evidence=evidence)


def test_the_heat_map_is_the_consistency_of_every_constant_peak(aligned):
    found = audited()
    assert (found.images, found.classes, found.constant.shape) == (40, 2, (56, 56))
    assert found.constant[10, 20] == 0.5  # the aligned class, and no other
    assert found.constant.max() == 0.5
    assert found.constant[10, 40] == 0
    assert (found.best_on_train, found.constant[found.best[1], found.best[0]]) == (0.5, 0.5)
    beak = found.parts[0]
    assert (beak.name, beak.shown) == ("beak", 40)
    assert 15 < beak.place[0] < 30


def test_controls_gain_nothing_however_they_score(aligned):
    lines = {line.name: line for line in audited().lines}
    assert list(lines) == ["random peaks", "centre peak", "best constant peak"]
    constant = lines["best constant peak"]
    assert constant.scores["consistency"].value == 0.5
    assert constant.scores["stability"].value == 1
    for line in (constant, lines["centre peak"]):
        assert line.scores["consistency_gain"].value == 0
        assert not any(line.half_sizes.gain)
        assert not any(line.thresholds.gain)
    assert lines["random peaks"].scores["consistency"].value < 0.5


def test_curves_pass_through_the_protocols_own_score_and_end_at_the_stale_half_size(aligned):
    found = audited()
    assert found.stale_half_size == found.half_sizes[-1] == 21  # 84 of 224, on 56
    assert (found.half_sizes[0], found.thresholds[0], found.thresholds[-1]) == (2, 0.5, 1.0)
    for line in found.lines:
        score = line.scores["consistency"].value
        assert line.half_sizes.consistency[found.half_sizes.index(9)] == score
        assert line.thresholds.consistency[found.thresholds.index(0.8)] == score
    assert found.stale_constant.mean() > 2 * found.constant.mean()


def test_a_run_stands_beside_the_controls_with_every_level(aligned, run):
    found = audited([RUN[:4]], run, finds_the_beak(aligned))
    assert [line.name for line in found.lines[:2]] == [f"ivpt@bias {RUN[:8]}", f"ivpt@bias {RUN[:8]} · public"]
    scores = found.lines[0].scores
    assert scores["consistency"].value == 1
    assert scores["consistency_gain"].value == 0.5  # the class that stands still owes its image nothing
    assert "stability" not in scores  # no noisy pass was kept


def test_what_a_point_needs_follows_from_the_spread_over_classes(birds, run):
    generator = np.random.default_rng(1)
    keypoints = generator.uniform(0, 56, (60, 2, 2))
    keypoints[:40, 0] = 20, 10
    dataset = birds(keypoints, np.repeat([0, 1, 2], 20))
    by_pair = {(pair.metric, pair.second): pair for pair in audited([RUN], run, finds_the_beak(dataset)).comparisons}
    pair = by_pair["consistency", "best constant peak"]  # ahead by (0, 0, 1) in the three classes
    assert pair.difference == pytest.approx(1 / 3)
    assert pair.detectable > 1
    assert pair.classes == pytest.approx((1.96 + 0.8416) ** 2 / 3 / 0.01**2, rel=1e-3)
    assert pair.images == 20 * pair.classes
    assert ("consistency_gain", "best constant peak") in by_pair
    assert not [pair for pair in by_pair if pair[1] == "random peaks"]  # a run is compared with what it has to beat


def test_noisy_passes_of_a_run_give_its_stability(aligned, run):
    moved = torch.full((2, 40, 1, 2), -1)
    scores = audited([RUN], run, finds_the_beak(aligned, moved=moved)).lines[0].scores
    assert scores["stability"].value == 0


def test_a_run_on_other_images_is_refused(aligned, run):
    with pytest.raises(UserError, match="other images"):
        audited([RUN], run, finds_the_beak(aligned, labels=torch.zeros(40).long()))


def test_a_run_of_another_data_set_and_an_unknown_one_are_refused(aligned, run):
    with pytest.raises(UserError, match="no run 'ffff'"):
        audited(["ffff"], run, finds_the_beak(aligned))
    with pytest.raises(UserError, match="has no row on cub"):
        audit_dataset("cub", [RUN], protocol=RULES, out=run, run_evidence=finds_the_beak(aligned))


def test_one_class_of_one_image_and_parts_that_nobody_sees_are_fine(birds):
    birds([[[5, 5], [70, 5]]], [1], [[True, True]])
    found = audited()
    assert (found.images, found.classes) == (1, 1)
    assert found.lines[0].scores["consistency_gain"].value is None
    assert set(found.lines[0].half_sizes.gain) == {None}
    assert found.parts[1].consistency is None  # it stands off the canvas
    birds([[[5, 5], [6, 5]]] * 3, [1] * 3, np.zeros((3, 2), bool))
    found = audited()
    assert not found.constant.any()
    assert [part.place for part in found.parts] == [None, None]


def test_no_keypoints_names_the_data_sets_that_have_some(birds):
    birds(np.zeros((2, 0, 2)), [0, 1], parts=())
    with pytest.raises(UserError, match=r"no keypoints.*cub.*nabirds.*synthetic_birds"):
        audited()


def test_an_empty_split_and_an_unknown_one_are_user_errors(birds):
    birds(np.zeros((2, 2, 2)), [0, 1], test=False)
    with pytest.raises(UserError, match="split test of birds holds no picture"):
        audited()
    with pytest.raises(UserError, match="unknown split 'tset'"):
        audited(split="tset")


def test_the_command_prints_a_table_and_writes_the_page(tiny_cub, harness, tmp_path):
    end = harness("audit", "--dataset", "cub", "--data-root", tiny_cub, "--out", tmp_path, "--set",
                  "protocol.half_size=20")
    assert (end.code, end.err) == (0, ""), end
    for word in ("best constant peak", "consistency gain", "half-size 20", "half-size 84", "one point takes"):
        assert word in end.out, end.out
    page, = (tmp_path / "audit").glob("cub.*.html")
    assert str(page) in end.out
    assert (tmp_path / "audit" / "plotly.min.js").is_file()


def test_peaks_of_a_run_come_from_its_items_and_serve_other_rules(tmp_path):
    kept, ids, labels = Evidence(), ("x", "y"), torch.tensor([0, 1])
    peaks = torch.tensor([[[3, 4]], [[5, 6]]], dtype=torch.int16)
    keypoints, visible = torch.tensor([[[3, 4]], [[9, 9]]], dtype=torch.int32), torch.tensor([[True], [False]])
    kept.add("keypoints", "", ids, labels, keypoints=keypoints, visible=visible)
    kept.add("peaks", "final", ids, labels, part_ids=torch.tensor([[7], [8]]), peaks=peaks,
             flat=torch.zeros(2, 1, dtype=torch.bool), strengths=torch.ones(2, 1),
             moved=peaks[:, None].expand(-1, 2, -1, -1) + 1, moved_flat=torch.zeros(2, 2, 1, dtype=torch.bool))
    Store(tmp_path).write_items(RUN, RULES.id, "test", items_table(kept, [], RUN, "test", RULES))
    found = stored_evidence(tmp_path, RUN, RULES.model_copy(update={"half_size": 3}), "test")["final"]
    assert torch.equal(found.peaks, peaks.long())
    assert torch.equal(found.moved, (peaks.long() + 1).expand(2, -1, -1, -1))
    assert torch.equal(found.keypoints, keypoints)
    assert torch.equal(found.visible, visible)
    assert (found.labels.tolist(), found.part_ids.tolist()) == ([0, 1], [[7], [8]])
    assert stored_evidence(tmp_path, RUN, RULES.model_copy(update={"noise_draws": 3}), "test")["final"].moved is None
    with pytest.raises(UserError, match="canvas is 57"):
        stored_evidence(tmp_path, RUN, RULES.model_copy(update={"canvas": 57}), "test")
    with pytest.raises(UserError, match="no items"):
        stored_evidence(tmp_path, RUN, RULES, "val")


@pytest.mark.parametrize(("arguments", "said"), [
    (["--dataset", "cbu"], "did you mean 'cub'"),
    (["--dataset", "cub", "--protocol", "partbnech"], "did you mean 'partbench'"),
    (["--dataset", "cub", "--set", "ivpt.rate=1"], "takes settings of cub and of 'protocol' only"),
    (["--dataset", "cub", "--set", "protocol.half_size=-1"], "partbench.half_size=-1"),
    (["--dataset", "cub", "--labels", "genus"], "labels"),
    (["--dataset", "cub", "abcd"], "no run 'abcd'"),
    ([], "--dataset")])
def test_bad_input_is_one_line(arguments, said, tiny_cub, harness, tmp_path):
    end = harness("audit", *arguments, "--data-root", tiny_cub, "--out", tmp_path / "missing")
    assert (end.code, end.err.count("\n")) == (2, 1), end
    assert said in end.err
