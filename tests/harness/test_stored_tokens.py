"""Stored tokens: the same training as from the images of those views, whoever asks for them and whenever."""

from dataclasses import replace

import pytest
import torch

from partbench import datasets
from partbench.errors import UserError
from partbench.harness.loaders import Normalise, TrainLoader
from partbench.harness.training import stored_tokens
from partbench.harness.training.stored_tokens import StoredLoader, space_for_tokens, views_to_store
from partbench.methods import Batch, create, load_backbone

NORMALISE = Normalise(torch.full((3, 1, 1), 0.5), torch.full((3, 1, 1), 0.25), torch.device("cpu"))


@pytest.fixture(scope="module")
def split(tiny_cub):
    torch.set_num_threads(1)
    return datasets.load("cub", root=tiny_cub)["train"]


def stored(split, views=2, batch_size=2, stage="all", tokens=lambda batch: batch.images.flatten(2)):
    seen = []
    loader = TrainLoader(split, datasets.augmentation("resize_crop_flip", 32), NORMALISE, batch_size, 5, stage)
    return StoredLoader(loader, tokens, views, seen.append), seen


def by_id(batches):
    return {name: (row, int(label)) for batch in batches
            for name, row, label in zip(batch.ids, batch.tokens, batch.labels, strict=True)}


def test_an_epoch_shows_one_view_of_every_image_and_each_view_is_computed_once(split):
    loader, seen = stored(split)
    epochs = [list(loader.epoch(epoch)) for epoch in range(4)]
    assert sum(seen) == 2 * len(split)
    first, second, third, _ = map(by_id, epochs)
    assert all(torch.equal(first[name][0], third[name][0]) for name in set(first) & set(third))
    assert not all(torch.equal(first[name][0], second[name][0]) for name in set(first) & set(second))
    labels = dict(zip(split.ids, split.labels, strict=True))
    assert all(label == labels[name] for name, (_, label) in first.items())
    assert [batch.ids for batch in epochs[0]] != [batch.ids for batch in epochs[2]]
    assert {batch.epoch for batch in epochs[3]} == {3}


def test_views_do_not_depend_on_where_training_began_nor_on_stage_and_batch_size(split):
    whole, _ = stored(split)
    late, _ = stored(split, batch_size=3, stage="other")
    known, again = by_id(whole.epoch(1)), by_id(late.epoch(1))
    assert len(set(known) & set(again)) >= len(split) // 2
    assert all(torch.equal(known[name][0], again[name][0]) for name in set(known) & set(again))
    sharing = whole.for_stage("next", 3)
    assert sharing.steps == len(split) // 3
    assert len(next(iter(sharing.epoch(0)))) == 3


def test_values_too_large_for_half_precision_are_the_largest_it_has(split):
    loader, _ = stored(split, tokens=lambda batch: batch.images.flatten(2) * 1e6)
    assert max(batch.tokens.abs().max() for batch in loader.epoch(0)) == torch.finfo(torch.float16).max


def test_views_on_disk_are_the_views_in_memory(split, tmp_path):
    inside, outside = stored(split)[0], replace(stored(split)[0], folder=tmp_path)
    for one, other in zip(inside.epoch(0), outside.epoch(0), strict=True):
        assert torch.equal(one.tokens, other.tokens)
    assert [file.name for file in tmp_path.iterdir()] == ["view-0.npy"]


def test_room_is_made_on_disk_only_for_what_memory_should_not_hold(tmp_path, monkeypatch):
    method = create("prompt_cam", load_backbone("vit_tiny_patch16_224", "random", 32), 3, agnostic_prompts=0)
    left = tmp_path / "tokens"
    left.mkdir()
    (left / "view-0.npy").write_bytes(b"of a killed attempt")
    assert space_for_tokens(method, 100, 8, left) is None
    assert not left.exists()
    monkeypatch.setattr(stored_tokens, "_IN_MEMORY", 0)
    assert space_for_tokens(method, 100, 8, left) == left
    assert not list(left.iterdir())
    with pytest.raises(UserError, match=r"tokens of 8 views take \d+ GiB in .*; make room"):
        space_for_tokens(method, 10**12, 8, left)


def test_a_step_from_stored_tokens_is_the_step_from_images(split):
    backbone = load_backbone("vit_tiny_patch16_224", "random", 32)
    torch.manual_seed(0)
    method = create("ivpt@regions", backbone, 3, equivariance=0.0)
    loader, _ = stored(split, tokens=method.tokens)
    images, _ = stored(split, tokens=lambda batch: batch.images)
    for one, other in zip(loader.epoch(1), images.epoch(1), strict=True):
        pictured = method.loss(Batch(images=other.tokens, labels=other.labels))
        for name, value in method.loss(one).items():
            torch.testing.assert_close(value, pictured[name], atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize(("name", "settings", "views"), [
    ("ivpt@regions", {"equivariance": 0.0}, 8), ("ivpt@regions", {}, 0), ("ivpt", {"equivariance": 0.0}, 0),
    ("prompt_cam", {"agnostic_prompts": 0}, 8), ("prompt_cam", {}, 0)])
def test_only_a_prefix_that_leaves_the_last_block_at_most_is_stored(name, settings, views):
    method = create(name, load_backbone("vit_tiny_patch16_224", "random", 32), 3, **settings)
    assert views_to_store(method, 100) == views
    assert views_to_store(method, 10**9) == 0
