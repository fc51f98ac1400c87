import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench import metrics
from partbench.metrics import Protocol, consistency, consistency_soft, part_hits

V = torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 0]])


def one_pair(hits, visible=V, **more):
    """Consistency of one concept on the images of one class."""
    hits = torch.tensor(hits).bool()[:, None]
    return consistency(hits, visible.bool(), torch.zeros(len(hits)).long(), torch.zeros(len(hits), 1).long(), **more)


C1 = [[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]]
C2 = [[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]]
C3 = [[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_a_part_hit_in_exactly_four_of_five_images_counts():
    assert one_pair(C1) == 1
    assert one_pair(C2) == 0
    assert one_pair(C3) == 0


def test_the_score_is_the_mean_over_pairs():
    hits = torch.tensor([C1, C2, C3]).transpose(0, 1).bool()
    assert consistency(hits, V.bool(), torch.zeros(5).long(), torch.arange(3).repeat(5, 1)) == pytest.approx(1 / 3)


def test_a_single_view_suffices_unless_more_are_asked_for():
    visible, hits = torch.tensor([[1, 1], [1, 0], [1, 0]]), [[0, 1], [0, 0], [1, 0]]
    assert one_pair(hits, visible) == 1
    assert one_pair(hits, visible, min_visible=2) == 0
    assert one_pair([[1, 1], [1, 0], [1, 0]], visible, min_visible=3) == 1


def test_a_part_that_is_never_shown_is_never_hit():
    assert one_pair([[0, 0]], torch.tensor([[0, 0]])) == 0


def test_a_concept_may_mark_another_part_in_each_class_under_the_pair_rule_only():
    labels = torch.arange(2).repeat_interleave(5)
    hits = torch.nn.functional.one_hot(labels, 2).bool()[:, None]
    visible, ids = torch.ones(10, 2).bool(), torch.zeros(10, 1).long()
    assert consistency(hits, visible, labels, ids) == 1
    assert consistency(hits, visible, labels, ids, rule="global") == 0
    assert consistency(hits, visible, labels, ids, 0.5, "global") == 1


def test_soft_consistency_is_the_mean_share_of_the_best_part():
    hits = torch.tensor([C1, C2, C3]).transpose(0, 1).bool()
    labels, ids = torch.zeros(5).long(), torch.arange(3).repeat(5, 1)
    assert consistency_soft(hits, V.bool(), labels, ids) == pytest.approx((0.8 + 0.75 + 0.6) / 3)
    two = torch.arange(2).repeat_interleave(5)  # one concept, another part in each class
    hits, visible = torch.nn.functional.one_hot(two, 2).bool()[:, None], torch.ones(10, 2).bool()
    assert consistency_soft(hits, visible, two, torch.zeros(10, 1).long()) == 1
    assert consistency_soft(hits, visible, two, torch.zeros(10, 1).long(), rule="global") == 0.5
    once = torch.tensor([[0, 1], [0, 0], [1, 0]]).bool()[:, None], torch.tensor([[1, 1], [1, 0], [1, 0]]).bool()
    for min_visible, share in ((1, 1), (2, 1 / 3), (4, 0)):
        score = consistency_soft(*once, torch.zeros(3).long(), torch.zeros(3, 1).long(), min_visible=min_visible)
        assert score == pytest.approx(share)


@pytest.mark.parametrize(("name", "score"), [
    ("Consistency", 0.75), ("ConsistencyGlobal", 0.5), ("ConsistencyMin3", 0.5), ("ConsistencySoft", 0.8)])
def test_the_variants_read_the_same_peaks_in_their_own_ways(name, score):
    # Class 0: concept 0 hits part 0 on 4 of 5 images, concept 1 part 1 on its only view. Class 1: concept 0 hits part 1
    # on 5 of 5, concept 1 nothing more than 2 of 5.
    keypoints = torch.tensor([[20, 20], [200, 200]]).expand(10, 2, 2)
    visible = torch.ones(10, 2).bool()
    visible[1:5, 1] = False
    peaks = torch.full((10, 2, 2), -1)
    peaks[:4, 0], peaks[5:, 0], peaks[0, 1], peaks[5:7, 1] = 20, 200, 200, 20
    metric = getattr(metrics, name)(Protocol())
    metric.update(peaks, keypoints, visible, torch.arange(2).repeat_interleave(5), torch.arange(2).repeat(10, 1))
    assert metric.compute().item() == pytest.approx(score)


def test_flat_maps_and_background_prototypes_score_zero_and_count_as_terms():
    keypoints, visible = torch.full((5, 1, 2), 150), torch.ones(5, 1).bool()
    peaks = torch.tensor([[-1, -1], [5, 5], [150, 150]]).expand(5, 3, 2)  # no peak, background, on the part
    hits = part_hits(peaks, keypoints, visible)
    assert consistency(hits, visible, torch.zeros(5).long(), torch.arange(3).repeat(5, 1)) == pytest.approx(1 / 3)


def test_an_image_without_visible_parts_and_a_class_without_images_change_nothing():
    empty = [[0, 0, 0]]
    assert one_pair(C1 + empty, torch.cat([V, torch.tensor(empty)])) == 1
    hits, labels = torch.tensor([C1, C2, C3]).transpose(0, 1).bool(), torch.zeros(5).long()
    ids = torch.arange(3).repeat(5, 1)
    assert consistency(hits, V.bool(), labels + 7, ids) == consistency(hits, V.bool(), labels, ids)


def test_a_part_outside_the_crop_counts_as_shown():
    keypoints = torch.tensor([[[50, 50]]] * 3 + [[[250, 50]]] * 2)
    peaks, visible = torch.full((5, 1, 2), 50), torch.ones(5, 1).bool()
    hits, labels, ids = part_hits(peaks, keypoints, visible), torch.zeros(5).long(), torch.zeros(5, 1).long()
    assert consistency_soft(hits, visible, labels, ids) == pytest.approx(0.6)


def test_part_ids_and_not_positions_make_a_concept():
    hits = torch.tensor([[[1], [0]], [[0], [1]]]).bool()
    visible, labels = torch.ones(2, 1).bool(), torch.zeros(2).long()
    assert consistency(hits, visible, labels, torch.tensor([[7, -3], [-3, 7]])) == 0.5
    assert consistency(hits, visible, labels, torch.tensor([[7, -3], [7, -3]])) == 0


@st.composite
def scenes(draw):
    n, k, p = draw(st.integers(1, 12)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    visible = torch.rand(n, p, generator=generator) < 0.7
    hits = (torch.rand(n, k, p, generator=generator) < 0.8) & visible[:, None]
    return (hits, visible, torch.randint(4, (n,), generator=generator),
            torch.randint(3, (n, k), generator=generator))


@settings(max_examples=30, deadline=None)
@given(scenes(), st.integers(1, 3))
def test_it_equals_a_loop_over_pairs(scene, min_visible):
    hits, visible, labels, ids = scene
    terms = []
    for label, concept in sorted({(c, p) for c, row in zip(labels.tolist(), ids.tolist(), strict=True) for p in row}):
        rates = []
        for part in range(hits.shape[2]):
            seen = [(hits[n, k, part].item(), visible[n, part].item()) for n in range(len(labels))
                    for k in range(ids.shape[1]) if labels[n] == label and ids[n, k] == concept]
            hit, shown = map(sum, zip(*seen, strict=True))
            rates.append(shown >= min_visible and hit / max(1, shown) >= 0.8)
        terms.append(any(rates))
    expected = sum(terms) / len(terms)
    assert consistency(hits, visible, labels, ids, min_visible=min_visible) == pytest.approx(expected)


def test_no_image_a_wrong_shape_and_an_unknown_rule_are_errors():
    with pytest.raises(ValueError, match="at least one image"):
        consistency(torch.zeros(0, 1, 2), torch.zeros(0, 2), torch.zeros(0).long(), torch.zeros(0, 1).long())
    with pytest.raises(ValueError, match="do not belong together"):
        consistency(torch.zeros(2, 1, 2), torch.zeros(2, 3), torch.zeros(2).long(), torch.zeros(2, 1).long())
    with pytest.raises(ValueError, match="at least one annotated part"):
        consistency(torch.zeros(2, 1, 0), torch.zeros(2, 0), torch.zeros(2).long(), torch.zeros(2, 1).long())
    with pytest.raises(ValueError, match="'pair' or 'global'"):
        one_pair(C1, rule="class")
