"""The folder's table of contents, and what it may import."""

import subprocess
import sys
from pathlib import Path

import pytest
import torchmetrics

from partbench import metrics
from partbench.errors import UserError
from partbench.metrics import registry


def test_every_name_is_there_and_none_is_also_a_file():
    files = {path.stem for path in Path(metrics.__file__).parent.glob("*.py")}
    assert all(getattr(metrics, name) is not None for name in metrics.__all__)
    assert not files & set(metrics.__all__)  # importing the file would put the module in the function's place


def test_cards_protocols_statistics_and_subset_need_no_torch():
    code = ("import sys; from partbench.metrics import registry, protocols, class_interval, fidelity_subset; "
            "protocols['partbench'].id; registry.names(); "
            "assert not {'torch', 'torchmetrics', 'ray'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_cards_agree_with_their_accumulators():
    for card in registry.cards.values():
        accumulator = card.load()
        assert issubclass(accumulator, torchmetrics.Metric)
        assert accumulator.higher_is_better == card.higher_is_better
        assert (accumulator.plot_lower_bound, accumulator.plot_upper_bound) == card.bounds


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'consistency_gain'"):
        registry.get("consistency_gian")
