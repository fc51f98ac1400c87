"""Explanations whose worth is known, on data whose truth is known: what the scores must say of them."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from partbench import datasets, metrics
from partbench.datasets import view
from partbench.harness.passes.interventions import discriminative_parts, redraw
from partbench.metrics.protocol import protocol

CANVAS = 224


@dataclass
class Shown:
    """A split as one view shows it: masks [N, P, S, S], keypoints [N, P, 2], visible [N, P], labels [N]."""

    masks: Tensor
    keypoints: Tensor
    visible: Tensor
    labels: Tensor

    @property
    def part_ids(self) -> Tensor:
        return torch.arange(self.masks.shape[1]).expand(len(self.labels), -1)

    def oracle(self) -> Tensor:
        """Map k is a Gaussian at the true keypoint k inside the mask of part k; flat where k is not visible."""
        grid = torch.arange(CANVAS) + 0.5
        x, y = (self.keypoints[..., axis, None] - grid for axis in (0, 1))
        bump = torch.exp(-(x[..., None, :] ** 2 + y[..., :, None] ** 2) / (2 * 12**2))
        return bump * self.masks * self.visible[..., None, None]


@pytest.fixture(scope="module")
def birds():
    return datasets.load("synthetic_birds", classes=8, train_images=30, test_images=6)


def shown(birds, name, split="train"):
    samples = [view(name, CANVAS)(birds[split][index]) for index in range(len(birds[split]))]
    return Shown(*(torch.stack([getattr(sample, field) for sample in samples])
                   for field in ("part_masks", "keypoints", "visible")),
                 torch.tensor([sample.label for sample in samples]))


@pytest.fixture(scope="module")
def boxes(birds):
    return shown(birds, "box")


def gain(peaks, boxes, **more):
    return metrics.consistency_gain(peaks, boxes.keypoints, boxes.visible, boxes.labels,
                                    torch.arange(peaks.shape[1]).expand(len(peaks), -1), **more)


def test_the_oracle_is_wholly_consistent_and_owes_it_to_the_image(boxes):
    peaks = metrics.peaks(boxes.oracle(), CANVAS)
    hits = metrics.part_hits(peaks, boxes.keypoints, boxes.visible)
    often = torch.stack([boxes.visible[boxes.labels == label].sum(0) >= 3 for label in boxes.labels.unique()])
    assert often.all()  # every (class, part) pair is seen at least three times, so none has to be left out
    assert metrics.consistency(hits, boxes.visible, boxes.labels, boxes.part_ids, min_visible=3) == 1
    assert gain(peaks, boxes, min_visible=3) > 0.9


def test_the_oracle_is_stable(boxes):
    peaks = metrics.peaks(boxes.oracle(), CANVAS)
    hits = metrics.part_hits(peaks, boxes.keypoints, boxes.visible)
    assert metrics.stability(hits, hits.clone(), boxes.labels, boxes.part_ids) == 1


def test_the_oracle_tells_parts_apart(birds):
    full = shown(birds, "full", "test")
    assigned = metrics.part_assignment(full.oracle(), None, full.keypoints, full.visible, CANVAS)
    seen = assigned >= 0
    true = full.part_ids[seen]
    assert metrics.nmi(true, assigned[seen]) > 0.95
    assert metrics.ari(true, assigned[seen]) > 0.95


def test_random_maps_get_chance(boxes):
    peaks = metrics.random_peaks(len(boxes.labels), 15, seed=0)
    hits = metrics.part_hits(peaks, boxes.keypoints, boxes.visible)
    assert metrics.consistency(hits, boxes.visible, boxes.labels, boxes.part_ids, min_visible=3) < 0.02
    assert abs(gain(peaks, boxes, min_visible=3)) < 0.02


def test_a_constant_map_gains_nothing(boxes):
    place, _ = metrics.best_constant_peak(boxes.keypoints, boxes.visible, boxes.labels)
    assert gain(torch.tensor(place).expand(len(boxes.labels), 1, 2), boxes) == 0


def test_the_oracle_of_a_model_that_counts_parts_gets_the_best_planted_scores(birds):
    """A model whose score is the sum of the parts it sees, each with a weight of its own.

    Its true evidence on a part is that weight, wherever on the part it lies.
    """
    weights = torch.randperm(15, generator=torch.Generator().manual_seed(0)).double() + 1
    discriminative = discriminative_parts(birds)
    evidence, drops, valid, shares = [], [], [], []
    for index in range(0, len(birds["test"]), 3):
        sample = view("full", CANVAS)(birds["test"][index])
        drawn = redraw(birds, "test", index, view("full", CANVAS))
        whole = sample.part_masks.flatten(1).any(1)
        drop = torch.zeros(15, dtype=torch.float64)
        for part in whole.nonzero().flatten().tolist():
            without = birds.intervene(index, remove=[birds.parts[part]])
            seen = view("full", CANVAS)(without).part_masks.flatten(1).any(1)
            drop[part] = (weights * whole).sum() - (weights * seen).sum()
        area = sample.part_masks.flatten(1).sum(1).clamp(min=1)
        saliency = ((weights / area)[:, None, None] * sample.part_masks).sum(0)
        evidence.append(metrics.part_evidence(saliency[None].float(), sample.part_masks[None])[0])
        drops.append(drop)
        valid.append(whole)
        told = discriminative[sample.label]
        shares.append(metrics.planted_saliency((sample.part_masks & told[:, None, None]).any(0)[None].float(),
                                               sample.part_masks[None], told[None]))
        assert len(drawn.images) >= int(whole.sum())
    stacked = [torch.stack(values) for values in (evidence, drops, valid)]
    assert metrics.planted_evidence(*stacked) > 0.98  # a removed wing may uncover a part that nobody saw before
    assert min(shares) == pytest.approx(1)


def test_saliency_that_knows_nothing_has_the_area_of_the_parts(birds):
    sample = view("full", CANVAS)(birds["test"][0])
    told = discriminative_parts(birds)[sample.label]
    area = (sample.part_masks & told[:, None, None]).any(0).float().mean().item()
    share = metrics.planted_saliency(torch.ones(1, 14, 14), sample.part_masks[None], told[None])
    assert share == pytest.approx(area)


def test_a_model_that_looks_away_from_the_background_is_not_sensitive_to_it():
    probabilities = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    assert metrics.background_sensitivity(probabilities, probabilities[:, None].expand(-1, 2, -1)) == 0
    assert protocol("partbench").planted_images >= 1
