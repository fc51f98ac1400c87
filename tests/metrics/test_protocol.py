import pickle

import pytest

from partbench.errors import UserError
from partbench.metrics import Protocol, protocols, registry
from partbench.metrics.protocol import protocol


def test_the_id_follows_the_content_and_not_the_name():
    standard = protocols["partbench"]
    assert len(standard.id) == 12
    assert Protocol(name="mine").id == standard.id
    assert pickle.loads(pickle.dumps(standard)).id == standard.id
    assert {standard: 1}[Protocol()] == 1


def test_every_other_field_is_part_of_the_id():
    other = {"canvas": 200, "half_size": 20, "threshold": 0.9, "rule": "global", "min_visible": 3,
             "near_constant": "score", "part_target": "predicted", "saliency_target": "label",
             "deletion_substrate": "zeros", "insertion_substrate": "blur_zero", "blur_sigma": 6.0, "blur_kernel": 13,
             "noise_std": 0.1, "noise_clip": 0.2, "metric_versions": {}, "level": "public", "assignment": "pixels",
             "assignment_normalised": False, "fidelity_forwards": None, "cover_maps": 3, "cover_threshold": 0.5,
             "purity_side": 16, "occlusion_radius": 9}
    other |= dict.fromkeys(("accuracy_view", "assignment_view", "fidelity_view"), "box") | {"part_view": "full"}
    other |= {name: 7 for name in Protocol.model_fields if name.endswith(("seed", "draws", "steps", "images"))}
    other |= {"gain_derangements": 7}
    assert set(other) == set(Protocol.model_fields) - {"name"}
    assert len({protocol("partbench", **{name: value}).id for name, value in other.items()}) == len(other)


@pytest.mark.parametrize(("name", "changes", "message"), [
    ("partbanch", {}, "did you mean 'partbench'"),
    ("partbench", {"treshold": 0.9}, "did you mean 'threshold'"),
    ("partbench", {"threshold": 1.5}, r"partbench.threshold=1.5: .*; see: harness show partbench"),
    ("partbench", {"blur_kernel": 10}, "odd"),
])
def test_a_mistake_is_one_line_with_its_mend(name, changes, message):
    with pytest.raises(UserError, match=message) as error:
        protocol(name, **changes)
    assert "\n" not in str(error.value)


def test_named_protocols_score_what_their_code_scores():
    assert {name: set(card.metric_versions) for name, card in protocols.items() if name != "partbench"} == {
        "huang2023": {"consistency", "stability"},
        "ivpt": {"accuracy", "consistency", "stability", "nmi", "ari", "keypoint_regression"},
        "rise": {"insertion", "deletion"},
        "accuracy": {"accuracy"},
        "prompt_cam": {"accuracy", "insertion", "deletion"}}
    assert set(protocols["partbench"].metric_versions) == set(registry.cards)
    assert len({card.id for card in protocols.values()}) == len(protocols)
    assert 0.15 <= protocols["ivpt"].half_size / protocols["ivpt"].canvas <= 0.17  # not the script's stale 84
    assert (protocols["huang2023"].noise_draws, protocols["partbench"].noise_draws) == (1, 3)


def test_a_third_partys_metric_is_scored_where_all_of_our_own_are():
    assert protocols["partbench"].scores("strangers_metric")
    assert not protocols["huang2023"].scores("strangers_metric")
    assert not protocols["huang2023"].scores("insertion")
