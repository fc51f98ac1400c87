"""Pictures of four squares drawn again, and a model whose reasons are known."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from partbench import datasets, metrics
from partbench.datasets import PartDataset, view
from partbench.datasets.base import Annotations
from partbench.harness.config import make_config
from partbench.harness.forwards import needs_of
from partbench.harness.loaders import Normalise
from partbench.harness.passes.context import Context
from partbench.harness.passes.evaluate import evaluate, evaluation_cost
from partbench.harness.passes.interventions import discriminative_parts, forwards_each, redraw
from partbench.harness.plan import make_plan
from partbench.harness.progress import Reporter
from partbench.harness.scoring.items import evidence_of, items_table
from partbench.harness.scoring.score import scores
from partbench.methods import Batch, Explanation, Method
from partbench.methods.cards.base import MethodCard
from partbench.metrics import Protocol

SIZE, EACH = 24, 4
PARTS = ["beak", "crown", "tail", "wing"]
CORNERS = ((2, 2), (2, 14), (14, 2), (14, 16))
GREYS = (120, 60, 240)
TRAITS = torch.tensor([[1, 1, 1, 1], [-1, 1, 1, 1], [1, -1, -1, 1]])
"""Colour of each part by class, green or red: class 0 differs from 1 by its beak, from 2 by crown and tail."""
WEIGHTS = torch.tensor([4.0, 3, 2, 1])
PROTOCOL = Protocol(fidelity_images=2, fidelity_steps=2, fidelity_forwards=None, noise_draws=1, planted_images=7,
                    occlusion_images=3)
NAMES = {"planted_evidence", "planted_saliency", "background_sensitivity"}


def squares() -> np.ndarray:
    """bool [P, H, W]."""
    found = np.zeros((len(PARTS), SIZE, SIZE), bool)
    for mask, (y, x) in zip(found, CORNERS, strict=True):
        mask[y:y + 6, x:x + 6] = True
    return found


def paint(labels, row, remove=(), background=0):
    """uint8 [H, W, 3]: red or green squares on grey."""
    picture = np.full((SIZE, SIZE, 3), GREYS[background], np.uint8)
    for part, mask, trait in zip(PARTS, squares(), TRAITS[labels[row]].tolist(), strict=True):
        if part not in remove:
            picture[mask] = (0, 200, 0) if trait > 0 else (200, 0, 0)
    return picture


class Squares(PartDataset):
    """Classes of ``TRAITS``, four test pictures each; the box leaves the wing out."""

    planted = True

    def __init__(self, box=(0.0, 0.0, 16.0, 24.0)):
        self.box, self.drawn = box, []
        labels = np.repeat(np.arange(3), EACH)
        rows = len(labels)
        centres = np.array([(x + 3, y + 3) for y, x in CORNERS], np.float32)
        super().__init__("squares", ["plain", "beaked", "tailed"], PARTS, Annotations(
            ids=[f"picture {row}" for row in range(rows)], images=[""] * rows, labels=labels,
            boxes=np.tile(np.array(box), (rows, 1)), keypoints=np.tile(centres, (rows, 1, 1)),
            visible=np.ones((rows, len(PARTS)), bool), train=np.zeros(rows, bool),
            read_image=partial(paint, labels), read_masks=lambda row: (squares(), squares().any(0))), "f" * 64)

    def intervene(self, i, *, split="test", remove=(), swap=None, background=0):
        self.drawn.append((i, split, *remove, background))
        sample, labels = self[split][i], self[split].labels
        picture = torch.from_numpy(paint(labels, i, remove, background)).permute(2, 0, 1)
        return replace(sample, image=picture, box=(1.0, 1.0, 5.0, 5.0) if remove else sample.box)

    def telling_parts(self, label, other):
        return [part for part, same in zip(PARTS, TRAITS[label] == TRAITS[other], strict=True) if not same]


class Photographs(Squares):
    """The same pictures, of which nobody knows the truth."""

    planted = False
    intervene, telling_parts = PartDataset.intervene, PartDataset.telling_parts


class Reader(Method):
    """Knows the squares: each adds its weight to the classes of its colour. ``see`` makes its saliency."""

    card = MethodCard(name="reader", title="Reader", implementation="nowhere:Reader")

    def __init__(self, see, brightness=0.0):
        super().__init__(SimpleNamespace(image_size=SIZE, mean=(0, 0, 0), std=(1, 1, 1)), len(TRAITS), None)
        self.see, self.brightness = see, brightness

    def forward(self, batch):
        images = Batch.of(batch).images
        masks = torch.from_numpy(squares()).float()
        colour = torch.einsum("bhw,phw->bp", images[:, 1] - images[:, 0], masks) / 36
        logits = (colour * WEIGHTS) @ TRAITS.T.float()
        return logits + self.brightness * images[:, 2].mean((1, 2))[:, None] * one_hot(torch.tensor(0), len(TRAITS))

    def explain(self, batch, targets=None, saliency=True):
        images = Batch.of(batch).images
        logits, masks = self(images), torch.from_numpy(squares()).float().expand(len(images), -1, -1, -1)
        ids = torch.arange(len(PARTS)).expand(len(images), -1)
        return Explanation(logits, masks, ids, saliency=self.see(self, images, logits.argmax(1)) if saliency else None)


def reasons(method, images, targets):
    """What each square truly adds to the target's log-probability, spread over its pixels: the oracle's map."""
    masks = torch.from_numpy(squares())
    rows = torch.arange(len(images))
    score = method(images).log_softmax(1)[rows, targets]
    drops = [score - method(images.masked_fill(mask, 0.5)).log_softmax(1)[rows, targets] for mask in masks]
    return sum(drop[:, None, None] * mask for drop, mask in zip(drops, masks, strict=True))


def truth(method, images, targets):
    """The discriminative parts of the target's class."""
    chosen = discriminative_parts(Squares())[targets]
    return (torch.from_numpy(squares()) & chosen[:, :, None, None]).any(1).float()


def everywhere(method, images, targets):
    return torch.ones(len(images), SIZE, SIZE)


def nowhere_known(method, images, targets):
    return torch.full((len(images), 4, 4), torch.nan)


def context(see, dataset=None, brightness=0.0, protocol=PROTOCOL):
    normalise = Normalise(torch.zeros(3, 1, 1), torch.ones(3, 1, 1), torch.device("cpu"))
    return Context(Reader(see, brightness), dataset or Squares(), "test", "test", protocol, normalise, 5, Reporter(),
                   needs_of(protocol))


def evaluated(see, dataset=None, brightness=0.0, protocol=PROTOCOL):
    """The context of an evaluation, and its scores by metric."""
    made = context(see, dataset, brightness, protocol)
    return made, {score.metric: score for score in scores(evaluate(made), protocol)}


def test_an_oracle_has_the_best_scores():
    _, scores = evaluated(reasons)
    assert scores["accuracy"].value == 1
    assert scores["planted_evidence"].value == 1
    assert scores["background_sensitivity"].value == pytest.approx(0, abs=1e-6)
    assert evaluated(truth)[1]["planted_saliency"].value == 1
    assert {scores[name].images for name in NAMES} == {7}


def test_a_map_that_says_nothing_has_the_scores_of_chance():
    scores = evaluated(everywhere)[1]
    assert scores["planted_evidence"].value == 0  # every square has the same area
    assert 36 / SIZE**2 < scores["planted_saliency"].value < 2 * 36 / SIZE**2


def test_a_model_that_reads_the_background_is_found_out():
    evaluation, scores = evaluated(reasons, brightness=30.0)
    assert scores["background_sensitivity"].value > 0.1
    shown = [torch.from_numpy(paint([1], 0, (), number)).permute(2, 0, 1) / 255 for number in range(3)]
    answers = evaluation.method(torch.stack(shown)).double().softmax(1)
    expected = metrics.background_sensitivity(answers[:1], answers[None, 1:])
    record = evaluation.evidence.get("background", "final")
    found = record["distance"][record.labels == 1].mean(1)
    assert found.tolist() == pytest.approx([expected] * len(found), abs=1e-6)


def test_scores_follow_from_the_items_alone():
    shown = PROTOCOL.model_copy(update={"fidelity_view": "box"})
    evaluation, found = evaluated(reasons, protocol=shown)
    back = evidence_of(items_table(evaluation.evidence, found.values(), "run", "test", shown))
    again = {score.metric: score for score in scores(back, shown)}
    assert {name: score.value for name, score in again.items()} == {name: score.value for name, score in found.items()}
    drop = back.get("removal", "final")["score_drop"]
    assert drop.isnan().sum(0).tolist() == [0, 0, 0, 7]  # the box does not show the wing


def test_saliency_that_is_not_a_number_costs_its_own_scores_alone():
    scores = evaluated(nowhere_known)[1]
    assert scores["planted_evidence"].value is None
    assert "not finite" in scores["planted_evidence"].error
    assert scores["planted_saliency"].value is None
    assert scores["background_sensitivity"].value == pytest.approx(0, abs=1e-6)


def test_photographs_are_never_drawn_again_and_have_no_such_rows():
    evaluation, scores = evaluated(reasons, Photographs())
    assert not NAMES & set(scores)
    assert forwards_each(Photographs()) == 0
    assert not {"removal", "planted", "background"} & {kind for kind, _ in evaluation.evidence.keys()}


def test_progress_ends_where_its_cost_was_announced():
    announced = evaluation_cost(context(reasons))
    assert evaluated(reasons)[0].reporter.done == announced
    assert evaluated(reasons, Photographs())[0].reporter.done == evaluation_cost(context(reasons, Photographs()))
    assert evaluation_cost(context(reasons, Photographs())) < announced


def test_each_picture_is_drawn_without_each_part_in_view_and_on_two_backgrounds():
    dataset = Squares()
    whole, box = (redraw(dataset, "test", 5, view(name, SIZE)) for name in ("full", "box"))
    assert whole.images.shape == (1 + 4 + 2, 3, SIZE, SIZE)
    assert box.images.shape == (1 + 3 + 2, 3, SIZE, SIZE)
    assert box.valid.tolist() == [True, True, True, False]
    assert dataset.drawn[4:6] == [(5, "test", 1), (5, "test", 2)]
    assert dataset.drawn[6:9] == [(5, "test", part, 0) for part in PARTS[:3]]


@pytest.mark.parametrize("name", ["full", "box"])
def test_nothing_but_the_part_changes_even_where_the_box_shrinks_with_it(name):
    drawn = redraw(Squares((0.0, 0.0, 24.0, 24.0)), "test", 0, view(name, SIZE))
    for part, image in zip(drawn.sample.part_masks, drawn.images[1:5], strict=True):
        assert torch.equal((image != drawn.images[0]).any(0), part)


def test_discriminative_parts_tell_a_class_from_its_nearest():
    assert discriminative_parts(Squares()).tolist() == [
        [True, False, False, False], [True, False, False, False], [False, True, True, False]]


def test_a_class_that_no_part_tells_from_its_twin_is_judged_by_the_next(monkeypatch):
    monkeypatch.setitem(globals(), "TRAITS", torch.tensor([[1, 1, 1, 1], [1, 1, 1, 1], [1, -1, -1, 1]]))
    assert discriminative_parts(Squares()).tolist() == [[False, True, True, False]] * 3


def test_the_quick_preset_draws_twenty_pictures_again(asked, tmp_path):
    def protocol(**changes):
        return make_plan(make_config(asked(tmp_path, **changes))).jobs[0].protocol

    assert protocol(preset="quick").planted_images == 20
    assert protocol(preset="quick", fidelity_images=3).fidelity_images == 3
    assert protocol().planted_images == Protocol().planted_images == 100


def test_photographs_say_that_they_cannot_be_drawn_again(tiny_cub):
    photographs = datasets.load("cub", root=tiny_cub)
    assert not photographs.planted
    assert forwards_each(photographs) == 0
