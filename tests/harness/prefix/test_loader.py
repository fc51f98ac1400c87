"""Training from stored views: the same numbers whoever computed them, when, and whether they were stored at all."""

import multiprocessing
import os
import signal
from dataclasses import replace

import pytest
import torch

from partbench import datasets
from partbench.harness.loaders import Normalise, TrainLoader
from partbench.harness.prefix import loader as loading
from partbench.harness.prefix.key import PrefixKey
from partbench.harness.prefix.loader import StoredLoader
from partbench.harness.prefix.pool import Drawn, Pool
from partbench.harness.prefix.store import PrefixStore, warn
from partbench.harness.spec import RunSpec
from partbench.methods import Batch, create, load_backbone

NORMALISE = Normalise(torch.full((3, 1, 1), 0.5), torch.full((3, 1, 1), 0.25), torch.device("cpu"))
SPEC = RunSpec(
    method="ivpt", variant="", method_version=1, settings={}, dataset="cub", dataset_options={},
    dataset_fingerprint="f", backbone="vit_tiny_patch16_224", weights="random", image_size=32, seed=0, epochs=2,
    batch_size=2, precision="fp32", threads=1, fit_on="train", preset="default", views=2)
BLOCKS = 9


@pytest.fixture(scope="module")
def backbone():
    torch.set_num_threads(1)
    return load_backbone("vit_tiny_patch16_224", "random", 32)


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """A store of its own, and blocks of two images of which a process claims one at a time."""
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(loading, "_BLOCK", 2)
    monkeypatch.setattr(loading, "_PART", 1)
    warn.cache_clear()
    return tmp_path / "prefix"


@pytest.fixture
def stored(tiny_cub, backbone):
    """``stored(**changes)``: a loader, and the numbers of images that it told of."""
    def make(split="train", seed=5, stage="all", batch_size=2, warp=True, limit=None, told=None):
        data, seen = datasets.load("cub", root=tiny_cub), []
        pool = Pool(data)
        pictures = TrainLoader(data[split], datasets.augmentation("resize_crop_flip", 32), NORMALISE, batch_size, seed,
                               stage, warp)
        key = PrefixKey.of(SPEC, pool.ids, "resize_crop_flip", BLOCKS, warp, (5, 192), torch.device("cpu"))
        drawn = Drawn.of(pictures, pool, backbone, BLOCKS, "fp32")
        return StoredLoader(pictures, pool.places(data[split]), drawn, PrefixStore(key, limit), 2,
                            told or seen.append), seen
    return make


def by_id(batches):
    return {name: torch.stack([row, other]) for batch in batches
            for name, row, other in zip(batch.ids, batch.tokens, batch.warped.tokens, strict=True)}


def same(one, other):
    shared = set(one) & set(other)
    assert len(shared) >= 4
    return all(torch.equal(one[name], other[name]) for name in shared)


def test_epochs_take_views_in_turn_and_each_is_computed_once_for_every_seed_stage_and_split(stored):
    loader, seen = stored()
    epochs = [by_id(loader.epoch(epoch)) for epoch in range(3)]
    assert same(epochs[0], epochs[2])
    assert not same(epochs[0], epochs[1])
    computed = sum(seen)
    other, seen = stored(seed=6, stage="next", batch_size=3)
    assert same(by_id(other.epoch(1)), epochs[1])
    assert [batch.ids for batch in other.epoch(0)] != [batch.ids for batch in loader.epoch(0)]
    assert sum(seen) == 0
    wider, seen = stored(split="train+val")
    assert same(by_id(wider.epoch(0)), epochs[0])
    assert 0 < sum(seen) < computed


def test_a_step_from_stored_tokens_is_the_step_from_the_images_of_the_view(stored, backbone):
    torch.manual_seed(0)
    method = create("ivpt", backbone, 3, prototypes=[5, 4, 4, 3], grouping_noise=False)
    assert method.prefix_blocks == BLOCKS
    loader, _ = stored()
    places = {name: place for place, name in enumerate(loader.drawn.loader.split.ids)}
    for batch in loader.epoch(1):
        (pictures,) = loader.drawn.loader.drawn(1, [[places[name] for name in batch.ids]])
        # Of the four patches of a picture one may be between two regions: both sides round to float16.
        clean, warped = (Batch(tokens=method.tokens(images).half().float())
                         for images in (pictures.images, batch.affine.apply(pictures.images)))
        expected = method.loss(replace(clean, labels=batch.labels, warped=warped, affine=batch.affine))
        for name, value in method.loss(batch).items():
            torch.testing.assert_close(value, expected[name], atol=2e-3, rtol=2e-3)


def test_a_store_without_room_changes_no_number(stored):
    kept, _ = stored()
    homeless, seen = stored(limit=1)
    assert all(same(by_id(homeless.epoch(epoch)), by_id(kept.epoch(epoch))) for epoch in (0, 1))
    assert not seen


def test_a_disk_that_is_full_in_the_middle_changes_no_number(stored, monkeypatch, caplog):
    from partbench.harness.prefix import view

    expected, left = by_id(stored()[0].epoch(0)), [6]

    def pwrite(*given, pwrite=os.pwrite):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return pwrite(*given)

    monkeypatch.setattr(view.os, "pwrite", pwrite)
    assert same(by_id(stored(limit=10**9)[0].epoch(1)), by_id(stored(limit=1)[0].epoch(1)))
    assert "No space left on device" in caplog.text
    assert same(by_id(stored()[0].epoch(0)), expected)


def test_damaged_tokens_are_computed_again(stored, small, caplog):
    expected = by_id(stored()[0].epoch(0))
    (file,) = small.glob("*/0.tokens")
    file.write_bytes(b"\x00" * file.stat().st_size)
    loader, seen = stored()
    assert same(by_id(loader.epoch(0)), expected)
    assert "damaged" in caplog.text
    assert sum(seen) >= len(loader.places)


def test_values_too_large_for_half_precision_are_the_largest_it_has():
    assert loading._half(torch.tensor([1e6, -1e6, 1.0])).tolist() == [65504, -65504, 1]


def _fill(make, killed_at=None):
    seen = []

    def told(images):
        seen.append(images)
        if len(seen) == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    list(make(told=told)[0].epoch(0))
    os._exit(10 + sum(seen))


def _elsewhere(make, *given):
    process = multiprocessing.get_context("fork").Process(target=_fill, args=(make, *given))
    process.start()
    return process


def test_two_processes_share_the_work_and_a_killed_one_leaves_the_rest_to_others(stored, monkeypatch):
    loader, seen = stored(limit=1)
    expected, places = by_id(loader.epoch(0)), len(loader.places)
    killed = _elsewhere(stored, 2)
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    both = [_elsewhere(stored), _elsewhere(stored)]
    for process in both:
        process.join(60)
    shares = [process.exitcode - 10 for process in both]
    assert min(shares) >= 0
    assert sum(shares) == places + places % 2 - 4  # whole blocks, without the two that the killed one wrote
    again, seen = stored()
    assert same(by_id(again.epoch(0)), expected)
    assert not seen
