"""Scores from stored tokens of pictures: the bits of an evaluation that computes, whatever happens to the store."""

import logging
import os
from dataclasses import replace

import pytest
import torch

from partbench import datasets
from partbench.datasets import Split
from partbench.harness.forwards import needs_of
from partbench.harness.loaders import Normalise
from partbench.harness.passes import parts, whole_images
from partbench.harness.passes.context import Context
from partbench.harness.passes.whole_split import whole_split
from partbench.harness.prefix import view as views
from partbench.harness.prefix.key import PrefixKey
from partbench.harness.prefix.plain import PlainViews
from partbench.harness.prefix.store import PrefixStore, warn
from partbench.harness.progress import Reporter
from partbench.harness.spec import RunSpec
from partbench.methods import create, load_backbone
from partbench.metrics import Protocol
from partbench.metrics.protocol import protocols

SPEC = RunSpec(
    method="linear_probe", variant="", method_version=1, settings={}, dataset="cub", dataset_options={},
    dataset_fingerprint="f", backbone="vit_tiny_patch16_224", weights="random", image_size=32, seed=0, epochs=2,
    batch_size=2, precision="fp32", threads=1, fit_on="train", preset="default", views=2)
CPU = torch.device("cpu")
VIEW = 9 * 5 * 192 * 4  # bytes: test images, tokens, channels, float32


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PARTBENCH_CACHE", str(tmp_path))
    warn.cache_clear()
    return tmp_path / "prefix"


@pytest.fixture(scope="module")
def backbone():
    torch.set_num_threads(1)
    return load_backbone("vit_tiny_patch16_224", "random", 32)


@pytest.fixture
def scored(tiny_cub, backbone):
    """``scored(protocol)``: what the passes over the nine test images work with, four at once."""
    def make(protocol, method="linear_probe", limit=None, labels=None, **settings):
        torch.manual_seed(0)
        made = create(method, backbone, 3, **settings).eval()
        return Context(made, datasets.load("cub", root=tiny_cub), "test", "train", protocol,
                       Normalise.of(backbone, CPU), 4, Reporter(), needs_of(protocol), labels=labels,
                       plain=PlainViews(SPEC, backbone, made.prefix_blocks, CPU, limit))
    return make


@pytest.fixture
def shown(scored):
    """``shown(limit, labels, **how)``: the batches of these images."""
    def read(limit=None, labels=None, **how):
        with torch.no_grad():
            return list(whole_split(scored(Protocol(), limit=limit, labels=labels), "full", **how))
    return read


@pytest.fixture
def opened(monkeypatch):
    """The pictures that were read since."""
    seen = []

    def read(self, index, masks=True, original=Split.read):
        seen.append(index)
        return original(self, index, masks)

    monkeypatch.setattr(Split, "read", read)
    return seen


def same(some, others):
    return all(one.batch.ids == other.batch.ids and torch.equal(one.batch.labels, other.batch.labels)
               and torch.equal(one.tokens, other.tokens) for one, other in zip(some, others, strict=True))


@torch.no_grad()
def evidence(context):
    """The bytes of all that the passes over whole splits leave."""
    whole_images.run(context)
    parts.run(context)
    records = {key: context.evidence.get(*key) for key in context.evidence.keys()}
    return {(*key, name): value.numpy().tobytes() for key, record in records.items()
            for name, value in record.values.items()}


@pytest.mark.parametrize("protocol", ["partbench", "ivpt"])
@pytest.mark.parametrize(("method", "settings"), [
    ("ivpt", {"prototypes": [4, 3]}), ("linear_probe", {}), ("protopnet", {})], ids=lambda given: str(given))
def test_evidence_is_the_same_cold_warm_and_without_room(method, settings, protocol, scored, monkeypatch):
    rules, computed = protocols[protocol], []

    def counted(self, images, original=PlainViews.computed):
        computed.append(len(images))
        return original(self, images)

    monkeypatch.setattr(PlainViews, "computed", counted)
    without = evidence(scored(rules, method, 1, **settings))
    cold = evidence(scored(rules, method, **settings))
    every = sum(computed) // 2
    warm = evidence(scored(rules, method, **settings))
    assert ("logits", "final", "logits") in cold
    assert ("peaks", "final", "moved") in cold
    assert cold == warm == without
    assert sum(computed) == 2 * every + 9 * rules.noise_draws


def test_pictures_that_nothing_needs_are_read_once_for_all_runs(shown, opened):
    cold = shown(pictures=False)
    assert opened == list(range(9))
    warm = shown(pictures=False)
    assert len(opened) == 9
    assert same(cold, warm)
    assert all(not clean.samples and clean.shown.images is None for clean in warm)
    seen = shown()
    assert same(cold, seen)
    assert [sample.id for clean in seen for sample in clean.samples] == [name for one in cold for name in one.batch.ids]
    dealt = {name: 2 for clean in cold for name in clean.batch.ids}
    assert {int(label) for clean in shown(pictures=False, labels=dealt) for label in clean.batch.labels} == {2}


def test_images_that_are_not_normalised_are_other_images(shown):
    assert not same(shown(), shown(normalised=False))
    assert same(shown(normalised=False), shown(normalised=False))


def test_a_damaged_image_costs_its_batch_and_changes_no_bit(shown, opened, folder, caplog):
    expected = shown()
    (file,) = folder.glob("*/0.tokens")
    with open(file, "r+b") as tokens:
        tokens.seek(5 * VIEW // 9 + 7)
        tokens.write(b"\x55\x55")
    opened.clear()
    assert same(shown(pictures=False), expected)
    assert opened == [4, 5, 6, 7]
    assert "1 scored images are damaged" in caplog.text
    opened.clear()
    assert same(shown(pictures=False), expected)
    assert not opened


def test_a_full_disk_costs_a_warning_and_changes_no_bit(shown, monkeypatch, caplog):
    expected, left = shown(limit=1), [3]

    def pwrite(*given, original=os.pwrite):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return original(*given)

    with monkeypatch.context() as patch:
        patch.setattr(views.os, "pwrite", pwrite)
        assert same(shown(), expected)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "No space left on device" in caplog.text
    assert same(shown(), expected)


def test_training_views_never_give_way_to_plain_ones_and_these_give_way_to_them(shown, folder, caplog):
    key = PrefixKey.of(SPEC, ["a", "b"], "resize_crop_flip", 9, False, (5, 192), CPU)
    training = PrefixStore(key, VIEW)
    training.open(0).close()
    without = shown(limit=VIEW)
    assert [file.parent.name for file in folder.glob("*/*.tokens")] == [key.digest]
    assert not caplog.records
    assert same(without, shown(limit=2 * VIEW))
    assert len(list(folder.glob("*/*.tokens"))) == 2
    training.open(1).close()
    wide = PrefixStore(replace(key, shape=(18, 1, 5, 192)), VIEW)
    wide.open(0).close()
    assert [file.parent.name for file in folder.glob("*/*.tokens")] == [wide.folder.name]
