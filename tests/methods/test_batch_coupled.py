"""Whose loss looks at several images at once: what the cards say is so, and what they deny is not."""

from dataclasses import replace

import pytest
import torch

from partbench.methods import Batch, MethodCard, create, load_backbone, registry
from partbench.methods.contract.check import check_clause
from partbench.methods.contract.coupling import furthest, gradients
from partbench.methods.contract.trial import Trial, noise

CLAUSE = "images meet in the loss only where the card says so"


@pytest.mark.parametrize("name", ["ivpt", "vpt_deep_proto"])
def test_presence_alone_couples_the_images_of_a_batch(name, monkeypatch):
    card = replace(registry.get(name), batch_coupled=False)
    monkeypatch.setattr(card.load(), "card", card)
    with pytest.raises(AssertionError, match="say batch_coupled on the card"):
        check_clause(Trial(card), CLAUSE)
    check_clause(Trial(card, settings={"presence": 0.0}), CLAUSE)


@pytest.mark.parametrize(("name", "settings"), [
    ("ivpt", {"presence": 0.0}), ("prompt_cam", {"dropout": 0.3}), ("vpt_shallow", {"dropout": 0.3}), ("vpt_deep", {}),
    ("e2vpt", {}), ("vpt_deep_proto", {"presence": 0.0})])
def test_parts_draw_what_the_batch_draws(name, settings, backbone):
    """Dropout, of prompts and of parts, and the noise of IVPT's grouping; what follows a step is drawn alike, too."""
    method = create(name, backbone, 3, **settings).train()
    batch, found, after = noise(5, 48, 1), [], []
    if "warped" in method.views:
        batch = batch.with_warp(torch.Generator().manual_seed(1))
    for parts, seed in ((1, 0), (3, 0), (1, 1)):
        torch.manual_seed(seed)
        found.append(gradients(method, batch, parts))
        after.append(torch.rand(1))
    assert furthest(found[0], found[1])[1] < 1e-3 < furthest(found[0], found[2])[1]
    assert after[0] == after[1] != after[2]


@pytest.mark.parametrize(("name", "settings", "coupled"), [
    ("ivpt", {}, True), ("ivpt", {"presence": 0.0}, False), ("ivpt@last_layer", {}, True),
    ("prompt_cam", {"dropout": 0.1}, False), ("vpt_deep", {"dropout": 0.1}, False),
    ("e2vpt", {}, False), ("linear_probe", {}, False), ("protopnet@finetune", {}, False)])
def test_coupling_goes_by_the_settings(name, settings, coupled, backbone):
    assert create(name, backbone, 3, **settings).batch_coupled is coupled


@pytest.mark.parametrize("name", ["protopnet", "huang2023"])
def test_batch_norm_couples_where_it_trains(name):
    convolutional = load_backbone("resnet10t", "random", 64)
    assert not create(f"{name}@frozen", convolutional, 3).batch_coupled
    assert create(f"{name}@finetune", convolutional, 3).batch_coupled


def test_a_stranger_who_says_nothing_is_taken_to_couple():
    assert MethodCard(name="x", title="X", implementation="x:X", settings=registry.get("ivpt").settings).batch_coupled


@pytest.mark.parametrize(("images", "count", "sizes"), [(5, 2, [3, 2]), (8, 3, [3, 3, 2]), (3, 9, [1, 1, 1]),
                                                        (4, 1, [4])])
def test_parts_of_a_batch_are_nearly_equal_and_make_up_the_whole(images, count, sizes):
    batch = Batch(torch.randn(images, 3, 8, 8), torch.arange(images), tuple(map(str, range(images))), 7).with_warp()
    parts = batch.parts(count)
    assert [len(part) for part in parts] == sizes
    assert [label for part in parts for label in part.ids] == list(batch.ids)
    assert {part.epoch for part in parts} == {7}
    for name in ("images", "labels"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(batch, name))
    assert torch.equal(torch.cat([part.warped.images for part in parts]), batch.warped.images)
    assert {part.affine for part in parts} == {batch.affine}
