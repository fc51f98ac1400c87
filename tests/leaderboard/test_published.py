"""The ledger of published numbers: what it holds, and that a spoilt line is refused."""

import dataclasses

import pytest
import timm

from partbench.datasets import registry as datasets
from partbench.leaderboard import Published, published_numbers
from partbench.leaderboard.published import read_ledger
from partbench.methods.catalogue import registry as methods
from partbench.metrics import registry as metrics

ELSEWHERE = {"base_model", "care", "deformable_protopnet", "full_finetuning", "huang_li2020", "pdiscoformer",
             "pdisconet", "pipnet", "protoconcepts", "protopformer", "protopool", "protopshare", "prototree",
             "protovit", "rise", "tesnet", "vit_net"}  # methods that partbench does not have
OTHER_SETS = {"fgvc_mean", "imagenet", "vtab_natural", "vtab_specialized", "vtab_structured"}
HEAD = ",".join(field.name for field in dataclasses.fields(Published))
LINE = "ivpt,,cub,,518,accuracy,90.8,%,,,train,ivpt,exact,a paper,"


@pytest.mark.parametrize(("name", "metric", "backbone", "value"), [
    ("ivpt@public", "consistency", "vit_base_patch14_reg4_dinov2.lvd142m", "75.3"),
    ("ivpt@cross_layer", "stability", "vit_base_patch14_reg4_dinov2.lvd142m", "70.9"),
    ("vpt_deep", "consistency", "vit_base_patch14_reg4_dinov2.lvd142m", "14.6"),
    ("prompt_cam@faithful", "accuracy", "vit_base_patch16_224.dino", "73.2"),
    ("linear_probe@rollout", "deletion", "vit_base_patch16_224.dino", "0.27"),
    ("e2vpt", "accuracy", "vit_base_patch16_224.orig_in21k", "89.1"),
    ("protopnet@finetune", "accuracy", "resnet34", "79.20"),
    ("protovit", "accuracy", "deit_small_patch16_224", "85.37")])
def test_the_ledger_holds_what_was_printed(name, metric, backbone, value):
    found = [entry.value for entry in published_numbers()
             if (entry.name, entry.dataset, entry.metric, entry.backbone) == (name, "cub", metric, backbone)]
    assert value in found


def test_names_are_those_of_partbench_where_it_has_the_thing():
    for entry in published_numbers():
        assert entry.method in methods.cards or entry.method in ELSEWHERE, entry
        assert entry.dataset in datasets.cards or entry.dataset in OTHER_SETS, entry
        assert entry.metric in metrics.cards or entry.metric.startswith("human_"), entry
        assert not entry.backbone or timm.is_model(entry.backbone), entry
        if entry.method in methods.cards and entry.variant != "cosine":
            methods.get(entry.method).resolve(entry.variant)


def test_a_value_knows_its_digits():
    entry = next(one for one in published_numbers() if one.value == "79.20")
    assert (entry.fraction, entry.rounding) == pytest.approx((0.792, 0.00005))


@pytest.mark.parametrize(("line", "said"), [
    (LINE.replace("90.8", "nan"), "finite"), (LINE.replace("90.8", "ninety"), "line 2"),
    (LINE.replace("90.8", ""), "no value"), (LINE.replace("%", "percent"), "unit 'percent'"),
    (LINE.replace("exact", "sure"), "certainty 'sure'"), (LINE.replace("a paper", ""), "no source"),
    (LINE.replace("518", "big"), "line 2"), (f"{LINE},more", "too many"), ("ivpt,,cub", "too few"),
    (f"{LINE}\n{LINE}", "line 3 repeats line 2")])
def test_a_spoilt_line_is_named(line, said):
    with pytest.raises(ValueError, match=said):
        read_ledger(f"{HEAD}\n{line}\n")


def test_other_columns_are_refused():
    with pytest.raises(ValueError, match="has the columns method"):
        read_ledger("a,b\n1,2\n")
