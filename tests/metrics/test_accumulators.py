"""Accumulators beside their pure functions; what every one must keep is in test_contract."""

import pytest
import torch

from partbench import metrics
from partbench.metrics import Protocol, registry
from partbench.metrics.contract_evidence import draw_evidence

PROTOCOLS = {"default": Protocol(), "other": Protocol(rule="global", half_size=20, threshold=0.6, min_visible=2)}


def hits(given, protocol, peaks="peaks"):
    return metrics.part_hits(given[peaks], given["keypoints"], given["visible"], protocol.half_size)


def of_hits(function, **more):
    def pure(given, protocol):
        settings = {"threshold": protocol.threshold, "rule": protocol.rule, "min_visible": protocol.min_visible} | more
        settings = {name: value for name, value in settings.items() if value is not None}
        return function(hits(given, protocol), given["visible"], given["labels"], given["part_ids"], **settings)
    return pure


def stability(active_only):
    def pure(given, protocol):
        draws = torch.stack([hits(given | {"draw": draw}, protocol, "draw") for draw in given["perturbed_peaks"]])
        return metrics.stability(hits(given, protocol), draws, given["labels"], given["part_ids"], active_only)
    return pure


def gain(given, protocol):
    return metrics.consistency_gain(**given, half_size=protocol.half_size, threshold=protocol.threshold,
                                    rule=protocol.rule, min_visible=protocol.min_visible)


def of_labellings(function):
    def pure(given, protocol):
        true = given["true"] if given["true"] is not None else torch.arange(5).expand_as(given["assignment"])
        scored = (true >= 0) & (given["assignment"] >= 0)
        return function(true[scored], given["assignment"][scored])
    return pure


PURE = {
    "accuracy": lambda given, protocol: metrics.accuracy(**given),
    "accuracy_top5": lambda given, protocol: metrics.accuracy(**given, top=5),
    "accuracy_balanced": lambda given, protocol: metrics.accuracy_balanced(**given),
    "consistency": of_hits(metrics.consistency),
    "consistency_gain": gain,
    "consistency_global": of_hits(metrics.consistency, rule="global"),
    "consistency_min3": of_hits(metrics.consistency, min_visible=3),
    "consistency_soft": of_hits(metrics.consistency_soft, threshold=None),
    "stability": stability(active_only=False),
    "stability_active": stability(active_only=True),
    "empty_rate": lambda given, protocol: metrics.empty_rate(hits(given, protocol)),
    "nmi": of_labellings(metrics.nmi),
    "ari": of_labellings(metrics.ari),
    "insertion": lambda given, protocol: metrics.auc(given["curve"].double()).mean().item(),
    "deletion": lambda given, protocol: metrics.auc(given["curve"].double()).mean().item(),
    "planted_evidence": lambda given, protocol: metrics.planted_evidence(
        given["evidence"], given["score_drop"], given["valid"]),
    "planted_saliency": lambda given, protocol: given["share"][given["counted"]].double().mean().item(),
    "background_sensitivity": lambda given, protocol: given["distance"].double().mean().item(),
}


@pytest.mark.parametrize("name", PURE)
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", range(2))
def test_an_accumulator_gives_its_pure_functions_value(name, protocol, seed):
    card, evidence = registry.get(name), draw_evidence(registry.get(name).needs, seed)
    metric = card.load()(PROTOCOLS[protocol])
    for batch in evidence.batches(7):
        metric.update(*batch)
    assert metric.images == len(evidence)
    assert metric.compute().item() == pytest.approx(PURE[name](dict(evidence.values), PROTOCOLS[protocol]), abs=1e-12)


def test_states_are_small_integers_and_bits():
    metric = metrics.Stability(Protocol())
    metric.update(*draw_evidence("noisy_peaks", 0))
    kept = {name: getattr(metric, name)[0].dtype for name in metric.states}
    assert kept["peaks"] == kept["perturbed_peaks"] == torch.int16
    assert kept["visible"] == torch.bool


def test_batches_whose_tensors_do_not_belong_together_are_an_error():
    with pytest.raises(ValueError, match="images"):
        metrics.Insertion(Protocol()).update(torch.rand(3, 11), torch.zeros(2))
