"""Every registered metric's score of the same made-up evidence; run as a program, it prints them."""

import json

from partbench.metrics import Protocol, check_metric, registry
from partbench.metrics.contract_evidence import draw_evidence


def scores():
    return {name: _score(name) for name in registry.names()}


def _score(name):
    card = registry.get(name)
    metric = card.load()(Protocol())
    metric.update(*draw_evidence(card.needs, 0))
    return metric.compute().item()


if __name__ == "__main__":
    check_metric("confidence", draws=2)
    print(json.dumps([scores(), registry.broken]))
