"""The drawn birds: the same everywhere, with a truth that is true."""

import pickle
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest
import torch

from partbench import datasets, metrics
from partbench.datasets.birds.parts import PARTS
from partbench.datasets.birds.render import render
from partbench.datasets.birds.traits import SHOWN_ON, TRAITS, classes, differing, stock_of
from partbench.errors import UserError

SMALL = {"classes": 4, "train_images": 6, "test_images": 3}
SLIVERS = 16  # of 16,384 pixels: slivers too thin for a mask still tint the pixels they cross


def away(changed, mask):
    """How many pixels changed more than two pixels away from a mask."""
    near = torch.nn.functional.max_pool2d(mask[None].float(), 5, 1, 2)[0].bool()
    return (changed & ~near).sum()


@pytest.fixture(scope="module")
def birds():
    return datasets.load("synthetic_birds", **SMALL)


def test_a_picture_depends_on_version_seed_and_number_alone(birds):
    digest = ("import sys; from hashlib import sha256; from partbench import datasets;"
              "d = datasets.load('synthetic_birds', classes=4, train_images=6, test_images=3);"
              "print(sha256(b''.join(d['test'][i].image.numpy().tobytes() for i in (11, 5, 0))).hexdigest())")
    elsewhere = subprocess.run([sys.executable, "-c", digest], capture_output=True, text=True, check=True).stdout
    here = sha256(b"".join(birds["test"][i].image.numpy().tobytes() for i in (11, 5, 0))).hexdigest()
    assert elsewhere.strip() == here


def test_the_first_picture_has_not_changed():
    """The drawing is part of the version: raise the card's version when this digest has to change."""
    drawing = render(("pinned",), classes(1, 0)[0], 64)
    assert sha256(drawing.image.tobytes()).hexdigest()[:16] == "4af928cbe3fc68be"


def test_pictures_do_not_depend_on_how_many_there_are(birds):
    more = datasets.load("synthetic_birds", classes=5, train_images=6, test_images=4)
    assert torch.equal(more["test"][4].image, birds["test"][3].image)  # the first test picture of the second class
    assert more["test"][4].label == birds["test"][3].label == 1


def test_sizes_are_as_asked():
    default = datasets.registry.get("synthetic_birds").resolve()
    assert (default.classes, default.train_images, default.test_images, default.size) == (20, 30, 15, 128)
    asked = datasets.load("synthetic_birds", classes=3, train_images=5, test_images=2, size=96)
    assert asked["test"][0].image.shape == (3, 96, 96)
    assert [len(asked[split]) for split in ("train", "val", "test")] == [12, 3, 6]


def test_a_visible_keypoint_stands_on_its_part_and_no_other_does(birds):
    for index in range(len(birds["train"])):
        sample = birds["train"][index]
        x, y = sample.keypoints.long().clamp(0, 127).unbind(-1)
        on_part = sample.part_masks[torch.arange(len(PARTS)), y, x]
        inside = ((sample.keypoints >= 0) & (sample.keypoints < 128)).all(-1) & (sample.keypoints != 0).any(-1)
        assert torch.equal(on_part & inside, sample.visible)


def test_masks_are_disjoint_and_the_box_holds_the_object(birds):
    for index in range(4):
        sample = birds["test"][index]
        assert sample.part_masks.sum(0).max() == 1
        assert not (sample.part_masks.any(0) & ~sample.object_mask).any()
        rows, columns = sample.object_mask.any(1).nonzero(), sample.object_mask.any(0).nonzero()
        x, y, width, height = sample.box
        assert (x, y) == (columns.min(), rows.min())
        assert (x + width - 1, y + height - 1) == (columns.max(), rows.max())


def test_occluded_and_out_of_the_frame_are_told_apart():
    many = datasets.load("synthetic_birds", classes=4, train_images=20)
    assert {0, 1, 2} == set(np.unique(many.visibility))
    outside = np.argwhere(many.visibility == 0)
    keypoints = {sample.id: sample.keypoints for split in ("train", "val", "test") for sample in
                 map(many[split].annotation, range(len(many[split])))}
    for row, part in outside:
        place = keypoints[str(row + 1)][part]
        assert (place < 0).any() or (place >= 128).any()


def test_a_mirrored_bird_shows_its_other_side(birds):
    for index in range(len(birds["train"])):
        sample = birds["train"].annotation(index)
        assert not (sample.visible[PARTS.index("left eye")] and sample.visible[PARTS.index("right eye")])


def test_every_tenth_class_differs_from_the_one_before_in_one_trait_and_in_the_parts_that_show_it():
    birds = datasets.load("synthetic_birds", train_images=2, test_images=1)
    for label in (9, 19):
        one, other = birds.traits[label - 1], birds.traits[label]
        (trait,) = [name for name in TRAITS if one[name] != other[name]]
        assert birds.telling_parts(label - 1, label) == birds.telling_parts(label, label - 1) == list(SHOWN_ON[trait])
        assert birds.telling_parts(label, label) == []


@pytest.mark.parametrize("trait", TRAITS)
def test_a_trait_changes_pixels_on_its_parts_alone(trait):
    traits = classes(1, 0)[0]
    other = {**traits, trait: next(value for value in TRAITS[trait] if value != traits[trait])}
    for number in range(3):
        one, two = (render(("trait", number), of, 128) for of in (traits, other))
        parts = [PARTS.index(part) for part in differing(traits, other)]
        mask = one.part_masks[parts].any(0) | two.part_masks[parts].any(0)
        assert away(torch.from_numpy((one.image != two.image).any(-1)), torch.from_numpy(mask)) <= SLIVERS


def test_no_backbone_is_ever_shown_a_combination_that_is_evaluated():
    evaluated = [traits for seed in range(5) for traits in classes(40, seed)]
    trained = [traits for seed in range(5) for traits in classes(40, seed, "training")]
    assert {stock_of(traits) for traits in evaluated} == {"evaluation"}
    assert {stock_of(traits) for traits in trained} == {"training"}


def test_nothing_changed_is_the_same_picture(birds):
    assert torch.equal(birds.intervene(2).image, birds["test"][2].image)
    assert torch.equal(birds.intervene(2, split="train", background=0).image, birds["train"][2].image)


def test_a_removed_part_is_gone_and_the_rest_stays(birds):
    for index in range(6):
        sample = birds["test"][index]
        for part in ("beak", "belly", "left wing", "crown"):
            number = PARTS.index(part)
            changed = birds.intervene(index, remove=[part])
            assert not changed.part_masks[number].any()
            assert away((changed.image != sample.image).any(0), sample.part_masks[number]) <= SLIVERS
            assert torch.equal(changed.keypoints, sample.keypoints)
            assert changed.box == sample.box


def test_a_swapped_part_looks_like_the_other_class(birds):
    """Swapping every part that tells two classes apart gives the other class's picture."""
    sample = birds["test"].annotation(7)
    swapped = birds.intervene(7, swap=dict.fromkeys(birds.telling_parts(2, 3), 3))
    name = (1, "evaluation", 0, 2, "test", 1)
    assert sample.label == 2
    assert np.array_equal(swapped.image.permute(1, 2, 0).numpy(), render(name, birds.traits[3], 128).image)


def test_another_background_leaves_the_bird_alone(birds):
    sample, changed = birds["test"][4], birds.intervene(4, background=1)
    assert torch.equal(sample.part_masks, changed.part_masks)
    inner = -torch.nn.functional.max_pool2d(-sample.object_mask[None].float(), 3, 1, 1)[0] > 0
    assert (sample.image[:, inner] != changed.image[:, inner]).any(0).sum() <= SLIVERS
    assert (sample.image != changed.image).any(0)[~sample.object_mask].float().mean() > 0.5


@pytest.mark.parametrize(("change", "named"), [
    ({"remove": ["bek"]}, "did you mean 'beak'"), ({"swap": {"beak": 9}}, "class 9"), ({"swap": {"hat": 1}}, "hat")])
def test_a_change_that_cannot_be_drawn_is_refused_by_name(birds, change, named):
    with pytest.raises(UserError, match=named):
        birds.intervene(0, **change)


def test_photographs_cannot_be_changed(tiny_cub):
    with pytest.raises(UserError, match="synthetic_birds"):
        datasets.load("cub", root=tiny_cub).intervene(0, remove=["beak"])


def test_it_travels_to_a_worker_small_and_whole(birds):
    birds["train"][0]
    packed = pickle.dumps(birds)
    assert len(packed) < 500_000
    assert torch.equal(pickle.loads(packed)["train"][3].image, birds["train"][3].image)


def test_a_removed_part_can_be_swapped_too(birds):
    removed = birds.intervene(0, remove=["tail"])
    assert torch.equal(birds.intervene(0, remove=["tail"], swap={"tail": 1}).image, removed.image)


@pytest.mark.parametrize(("view", "most"), [("box", 0.35), ("full", 0.10)])
def test_one_constant_peak_is_worth_little(view, most):
    data = datasets.load("synthetic_birds")
    place = {}
    for split in ("train", "test"):
        show = datasets.view(view, 224)
        samples = [show(data[split].read(index, masks=False)) for index in range(len(data[split]))]
        known = (torch.stack([sample.keypoints for sample in samples]),
                 torch.stack([sample.visible for sample in samples]),
                 torch.tensor([sample.label for sample in samples]))
        place[split] = (metrics.best_constant_peak(*known)[0], known)
    (peak, _), (_, (keypoints, visible, labels)) = place["train"], place["test"]
    hits = metrics.part_hits(torch.tensor(peak).expand(len(labels), 1, 2), keypoints, visible)
    assert metrics.consistency(hits, visible, labels, torch.zeros(len(labels), 1, dtype=torch.long)) <= most


def test_every_contract_of_a_data_set_holds(birds):
    datasets.check_dataset(birds)


def test_written_in_the_layout_of_cub_it_reads_back_the_same(birds, tmp_path):
    from partbench.datasets.cub_writer import write

    write(birds, tmp_path / "birds")
    back = datasets.load("cub", root=tmp_path / "birds")
    assert (back.classes, back.parts) == (birds.classes, birds.parts)
    for split in ("train", "val", "test"):
        assert back[split].ids == birds[split].ids
        for index in range(len(birds[split])):
            one, two = birds[split][index], back[split][index]
            assert (one.label, one.box) == (two.label, two.box)
            for name in ("image", "keypoints", "visible", "part_masks", "object_mask"):
                assert torch.equal(getattr(one, name), getattr(two, name)), name
