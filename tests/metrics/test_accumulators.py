"""Every accumulator: the pure function on all data, for any split into batches."""

import pickle

import pytest
import torch

from partbench import metrics
from partbench.metrics import Protocol, registry

N, K, P, D, CLASSES = 40, 3, 4, 2, 5


def evidence():
    """For every kind of update its arguments over all images, labels by name."""
    generator = torch.Generator().manual_seed(0)

    def randint(high, *shape):
        return torch.randint(high, shape, generator=generator)

    labels, keypoints = randint(CLASSES, N), randint(225, N, P, 2)
    keypoints[:, 0] = 100 + keypoints[:, 0] % 50
    visible, ids = torch.rand(N, P, generator=generator) < 0.8, torch.arange(K).repeat(N, 1)
    peaks = (keypoints[:, :K] + randint(88, N, K, 2) - 44).clamp(0, 223)
    draws = (peaks + randint(30, D, N, K, 2) - 15).clamp(0, 223)
    assignment = torch.where(visible, (torch.arange(P) + randint(2, N, P)) % (K + 1), -1)
    curve = torch.rand(N, 11, generator=generator)
    parts = {"keypoints": keypoints, "visible": visible, "labels": labels, "part_ids": ids}
    held, drop, saliency = (torch.randn(*shape, generator=generator) for shape in ((N, P), (N, P), (N, 4, 4)))
    answers = torch.randn(N, 1 + D, 8, generator=generator).softmax(2)
    return {
        "logits": {"logits": torch.randn(N, 8, generator=generator), "labels": labels},
        "peaks": {"peaks": peaks, **parts},
        "noisy_peaks": {"peaks": peaks, "perturbed_peaks": draws, **parts},
        "assignment": {"assignment": assignment, "labels": labels},
        "insertion": {"curve": curve, "labels": labels},
        "deletion": {"curve": curve, "labels": labels},
        "removal": {"evidence": held, "score_drop": drop, "valid": visible, "labels": labels},
        "planted": {"saliency": saliency, "part_masks": randint(4, N, P, 8, 8) == 0,
                    "discriminative": visible, "labels": labels},
        "background": {"probabilities": answers[:, 0], "changed": answers[:, 1:], "labels": labels},
    }


EVIDENCE = evidence()


def pure(name, protocol):
    """The metric from its pure functions."""
    given = EVIDENCE[registry.get(name).needs]
    if "logits" in given:
        score = metrics.accuracy_balanced if name == "accuracy_balanced" else metrics.accuracy
        return score(**given, **({"top": 5} if name == "accuracy_top5" else {}))
    if name in ("planted_evidence", "planted_saliency", "background_sensitivity"):
        return getattr(metrics, name)(*[value for key, value in given.items() if key != "labels"])
    if "curve" in given:
        return metrics.auc(given["curve"].double()).mean().item()
    if "assignment" in given:
        scored = given["assignment"] >= 0
        true = torch.arange(P).expand(N, P)[scored]
        return getattr(metrics, name)(true, given["assignment"][scored])
    if name == "consistency_gain":
        return metrics.consistency_gain(**given, rule=protocol.rule)
    at = given["keypoints"], given["visible"]
    hits = metrics.part_hits(given["peaks"], *at)
    if name == "consistency":
        return metrics.consistency(hits, given["visible"], given["labels"], given["part_ids"], rule=protocol.rule)
    draws = torch.stack([metrics.part_hits(draw, *at) for draw in given["perturbed_peaks"]])
    return metrics.stability(hits, draws, given["labels"], given["part_ids"])


def fed(name, protocol, batch):
    """The accumulator after all images in batches of a size."""
    card = registry.get(name)
    metric = card.load()(protocol)
    for start in range(0, N, batch):
        some = slice(start, start + batch)
        metric.update(*[value[:, some] if key == "perturbed_peaks" else value[some]
                        for key, value in EVIDENCE[card.needs].items()])
    return metric


CASES = [(name, rule) for name in registry.names()
         for rule in (["pair", "global"] if name.startswith("consistency") else ["pair"])]


@pytest.mark.parametrize(("name", "rule"), CASES)
@pytest.mark.parametrize("batch", [1, 7, N])
def test_any_split_into_batches_gives_the_pure_functions_value(name, rule, batch):
    protocol = Protocol(rule=rule)
    metric = fed(name, protocol, batch)
    assert metric.images == N
    assert metric.compute().shape == ()
    assert metric.compute().item() == pytest.approx(pure(name, protocol), abs=1e-12)


@pytest.mark.parametrize(("name", "rule"), CASES)
def test_the_interval_is_the_same_every_time_and_holds_its_score(name, rule):
    metric = fed(name, Protocol(rule=rule), 16)
    low, high = metric.interval(resamples=100)
    assert low <= metric.compute().item() <= high
    assert low < high
    assert (low, high) == fed(name, Protocol(rule=rule), 40).interval(resamples=100)
    assert pickle.loads(pickle.dumps(metric)).interval(resamples=100) == (low, high)


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_no_image_is_an_error(name):
    metric = registry.get(name).load()(Protocol())
    with pytest.raises(ValueError, match="at least one image"):
        metric.compute()
    with pytest.raises(ValueError, match="at least one image"):
        metric.interval()


def test_states_are_small_integers_and_bits():
    metric = fed("stability", Protocol(), N)
    kept = {name: getattr(metric, name)[0].dtype for name in metric.states}
    assert kept["peaks"] == kept["perturbed_peaks"] == torch.int16
    assert kept["visible"] == torch.bool


def test_no_keypoint_on_the_canvas_is_an_error():
    metric = metrics.NMI(Protocol())
    metric.update(torch.full((2, 3), -1), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="visible keypoint"):
        metric.compute()


def test_batches_whose_tensors_do_not_belong_together_are_an_error():
    with pytest.raises(ValueError, match="images"):
        metrics.Insertion(Protocol()).update(torch.rand(3, 11), torch.zeros(2))
