"""What a plan costs, foretold without torch, held against what the passes do and what torch counts."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import timm
import torch
from torch.utils.flop_counter import FlopCounterMode
from toy import Toy
from toy_card import ToySettings

from partbench import datasets
from partbench.harness.config import make_config
from partbench.harness.foresight.cost import Sizes, costs, multiply_adds
from partbench.harness.forwards import needs_of
from partbench.harness.loaders import Normalise
from partbench.harness.passes.context import Context
from partbench.harness.passes.evaluate import evaluate
from partbench.harness.plan import make_plan
from partbench.harness.progress import Reporter
from partbench.methods.catalogue import registry
from partbench.metrics.protocol import protocol, protocols


@pytest.mark.parametrize(("name", "size"), [
    ("vit_birds_patch8_96", 96), ("deit_tiny_patch16_224", 112), ("deit_small_distilled_patch16_224", 224),
    ("vit_base_patch16_224.dino", 224), ("vit_base_patch14_reg4_dinov2.lvd142m", 518)])
def test_multiply_adds_are_those_that_torch_counts(name, size):
    with torch.device("meta"):
        vit = timm.create_model(name.partition(".")[0], img_size=size, num_classes=0)
        counter = FlopCounterMode(display=False)
        with counter:
            vit.forward_features(torch.zeros(1, 3, size, size))
    assert multiply_adds(name, size) == counter.get_total_flops() / 2


def test_no_multiply_adds_are_claimed_for_a_backbone_whose_name_tells_no_layout():
    assert multiply_adds("resnet34", 224) is None


@pytest.mark.parametrize("name", sorted(protocols))
def test_an_evaluation_takes_the_forwards_that_were_announced(name, tiny_cub):
    rules = protocol(name, fidelity_images=2)
    toy = Toy(SimpleNamespace(image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3), 3, ToySettings())
    context = Context(toy, datasets.load("cub", root=tiny_cub), "test", "train", rules,
                      Normalise(torch.zeros(3, 1, 1), torch.ones(3, 1, 1), torch.device("cpu")), 4, Reporter(),
                      needs_of(rules))
    announced = context.foreseen.forwards
    assert announced > 0
    evaluate(context)
    assert context.reporter.done == announced


@pytest.fixture
def planned(asked, tmp_path, with_toy):
    """Jobs of a request."""
    def plan(**changes):
        return make_plan(make_config(asked(tmp_path, **{"methods": ["toy"], "protocol": "accuracy"} | changes))).jobs
    return plan


def test_a_run_costs_its_steps_and_its_scores(planned, tiny_cub, monkeypatch):
    monkeypatch.setitem(registry.cards, "toy", replace(registry.get("toy"), step_cost=3.0, step_costs={"slow": 7.0},
                                                       variants={"slow": {}}))
    sizes = Sizes.of(datasets.load("cub", root=tiny_cub))
    assert dict(sizes.images) == {"train": 9, "val": 3, "train+val": 12, "test": 9}
    plain, slow = costs(planned(methods=["toy", "toy@slow"], epochs=5), sizes)
    assert (plain.images, plain.training, plain.scoring) == (45, 135, 9)
    assert slow.training == 315
    assert costs(planned(fit_on="train+val", epochs=5), sizes)[0].images == 60


def test_what_several_explainers_train_together_is_paid_once(planned, tiny_cub, monkeypatch):
    monkeypatch.setitem(registry.cards, "toy", replace(registry.get("toy"), explaining=("deadly_epoch",),
                                                       variants={"late": {"deadly_epoch": 99}}))
    found = costs(planned(methods=["toy", "toy@late"]), Sizes.of(datasets.load("cub", root=tiny_cub)))
    assert [cost.images for cost in found] == [18, 0]
    assert found[0].scoring == found[1].scoring > 0


def test_each_of_six_controls_costs_curves_and_two_of_them_answers_of_every_image(planned, tiny_cub):
    sizes = Sizes.of(datasets.load("cub", root=tiny_cub))
    [plain], [controlled] = (costs(planned(protocol="rise", controls=controls), sizes) for controls in (False, True))
    curves = 2 * 2 * 224  # of two images
    assert (plain.scoring, controlled.scoring) == (curves, 7 * curves + 2 * 9)


def test_without_the_data_a_dry_run_goes_by_the_official_counts_and_gives_no_ids(harness, tmp_path, monkeypatch):
    monkeypatch.setenv("PARTBENCH_DATA", str(tmp_path))
    end = harness("run", "--methods", "ivpt", "--dataset", "cub", "--seeds", "0,1", "--epochs", 10, "--dry-run")
    assert end.code == 0, end.err
    assert "53,940" in end.out
    assert f"there is no {tmp_path / 'cub'}" in end.out
    refused = harness("run", "--methods", "ivpt", "--dataset", "cub", "--data-root", tmp_path / "cub", "--dry-run")
    assert refused.code == 2


def test_a_dry_run_says_what_each_run_and_all_of_them_cost(harness, flags, tmp_path):
    lines = harness("run", *flags(tmp_path, seeds="0,1", protocol="accuracy"), "--dry-run").out.splitlines()
    rows = [line.split() for line in lines if line.endswith("to do ") or line.endswith("to do")]
    assert len(rows) == 4
    assert {len(row[0]) for row in rows} == {16}
    training, scores = 9 * 2 * (1.8 + 2.3) / 2, 9
    assert any(f"{4 * (training + scores):.0f} forward passes" in line for line in lines)
