"""Keypoint regression, by hand and against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from partbench.metrics import KeypointRegression, Protocol, keypoint_regression, part_centroids

NAN = float("nan")
LEARNT = [(0.2, 0.2), (0.4, 0.6), (0.6, 0.4)]


def images(centroids, landmarks, active=True):
    """One part and one landmark on each image, in a box that is the unit square."""
    number = len(centroids)
    return {"centroids": torch.tensor(centroids).view(number, 1, 2), "active": torch.full((number, 1), active),
            "keypoints": torch.tensor(landmarks).view(number, 1, 2), "visible": torch.ones(number, 1, dtype=torch.bool),
            "boxes": torch.tensor([[0.0, 0, 1, 1]]).expand(number, 4)}


TRAIN = images(LEARNT, [(x + 0.1, y + 0.1) for x, y in LEARNT])


@pytest.mark.parametrize(("test", "expected"), [
    (images([(0.5, 0.5)], [(0.6, 0.6)]), 0.0),
    (images([(0.5, 0.5)], [(0.63, 0.64)]), 0.05),
    (images([(0.5, 0.5)], [(0.8, 0.9)], active=False), 0.5),
    (images([(0.5, 0.5), (0.3, 0.4)], [(0.63, 0.64), (0.4, 0.5)]), 0.025),
], ids=["K1", "K2", "K3: the mean is predicted", "K4"])
def test_worked_examples(test, expected):
    assert keypoint_regression(TRAIN, test) == pytest.approx(expected, abs=1e-7)


def random_images(seed, number, parts=4, landmarks=3):
    """Parts that follow the landmarks through noise, in boxes of many places and sizes; some are not active."""
    random = np.random.default_rng(seed)
    boxes = np.concatenate([random.uniform(0, 60, (number, 2)), random.uniform(80, 160, (number, 2))], 1)
    keypoints = boxes[:, None, :2] + random.uniform(0, 1, (number, landmarks, 2)) * boxes[:, None, 2:]
    mixed = np.einsum("nlc,kl->nkc", keypoints, np.random.default_rng(0).dirichlet(np.ones(landmarks), parts))
    values = {"centroids": mixed + random.normal(0, 5, mixed.shape), "active": random.random((number, parts)) < 0.8,
              "keypoints": keypoints, "visible": random.random((number, landmarks)) < 0.7, "boxes": boxes}
    return {name: torch.from_numpy(value) for name, value in values.items()}


def transcription(train, test):
    """The published procedure in scikit-learn's words."""
    def relative(points, boxes):
        return (points - boxes[:, None, :2]) / boxes[:, None, 2:]

    (fit, asked) = ({name: value.double().numpy() for name, value in some.items()} for some in (train, test))
    errors = []
    for landmark in range(fit["visible"].shape[1]):
        chosen = []
        for some in (fit, asked):
            seen = some["visible"][:, landmark] > 0
            centres = relative(some["centroids"], some["boxes"])[seen].reshape(seen.sum(), -1)
            chosen.append((centres, some["active"][seen].repeat(2, 1) > 0,
                           relative(some["keypoints"], some["boxes"])[seen, landmark]))
        (x, active, y), (asked_x, asked_active, asked_y) = chosen
        scale_x, scale_y = StandardScaler().fit(x), StandardScaler().fit(y)
        regressor = LinearRegression(fit_intercept=False).fit(np.where(active, scale_x.transform(x), 0),
                                                              scale_y.transform(y))
        guess = regressor.predict(np.where(asked_active, scale_x.transform(asked_x), 0))
        errors += np.linalg.norm(scale_y.inverse_transform(guess) - asked_y, axis=1).tolist()
    return np.mean(errors)


def same_place(some):
    return {**some, "centroids": some["centroids"][:, :1].expand_as(some["centroids"])}


def same_column(some):
    """A part that keeps its place on every image, in a box that does: columns without spread."""
    fixed = some["centroids"].clone()
    fixed[:, 0] = torch.tensor([70.0, 80.0])
    return {**some, "centroids": fixed, "boxes": torch.tensor([[7.0, 9.0, 150.0, 170.0]]).expand(len(fixed), 4)}


@pytest.mark.parametrize("change", [dict, same_place, same_column], ids=["plain", "parts coincide", "a part is fixed"])
@pytest.mark.parametrize("number", [3, 200])
def test_equals_scikit_learn_also_where_the_centroids_do_not_determine_the_weights(change, number):
    train, test = change(random_images(1, number)), change(random_images(2, 50))
    train["visible"][0] = True
    assert keypoint_regression(train, test) == pytest.approx(transcription(train, test), abs=1e-9)


def test_nothing_is_learnt_from_rounding():
    train, test = same_place(random_images(1, 30)), same_place(random_images(2, 30))
    noise = torch.randn(train["centroids"].shape, generator=torch.Generator().manual_seed(0)) * 1e-11
    rounded = {**train, "centroids": train["centroids"] + noise, "active": torch.ones(30, 4, dtype=torch.bool)}
    exact = {**rounded, "centroids": train["centroids"]}
    assert keypoint_regression(rounded, test) == pytest.approx(keypoint_regression(exact, test), abs=1e-9)


def test_one_image_to_learn_from_predicts_its_own_landmark():
    one = {name: value[:1] for name, value in TRAIN.items()}  # landmark (0.3, 0.3)
    assert keypoint_regression(one, images([(0.9, 0.1)], [(0.6, 0.7)])) == pytest.approx(0.5)


def test_a_landmark_that_no_training_image_shows_is_left_out():
    train, test = random_images(1, 30), random_images(2, 30)
    train["visible"][:, 1] = False
    without = {**test, "visible": test["visible"] & torch.tensor([True, False, True])}
    assert keypoint_regression(train, test) == keypoint_regression(train, without)


def test_a_part_without_centroid_is_a_part_that_is_not_active_at_the_middle_of_the_box():
    lost = random_images(1, 30)
    lost["centroids"][::3, 1] = NAN
    middle = {**lost, "centroids": lost["centroids"].clone(), "active": lost["active"].clone()}
    middle["centroids"][::3, 1] = (lost["boxes"][:, :2] + lost["boxes"][:, 2:] / 2)[::3]
    middle["active"][::3, 1] = False
    for train, test in ((lost, middle), (middle, lost)):
        assert keypoint_regression(train, test) == pytest.approx(keypoint_regression(middle, middle))


def test_what_is_not_visible_is_not_looked_at():
    train, test = random_images(1, 30), random_images(2, 30)
    expected = keypoint_regression(train, test)
    for some in (train, test):
        some["keypoints"][~some["visible"]] = NAN
    assert keypoint_regression(train, test) == expected


def test_the_box_is_the_unit():
    train, test = random_images(1, 30), random_images(2, 30)
    twice = [{**some, **{name: 2 * some[name] for name in ("centroids", "keypoints", "boxes")}}
             for some in (train, test)]
    assert keypoint_regression(*twice) == pytest.approx(keypoint_regression(train, test))


@pytest.mark.parametrize(("change", "message"), [
    ({"visible": torch.zeros(3, 1, dtype=torch.bool)}, "visible both"),
    ({name: value[:0] for name, value in TRAIN.items()}, "visible both"),
    ({"centroids": torch.zeros(3, 0, 2), "active": torch.zeros(3, 0)}, "learnt from 0 parts"),
    ({"boxes": torch.zeros(3, 4)}, "width and height"),
    ({"boxes": torch.full((3, 4), NAN)}, "width and height"),
    ({"keypoints": torch.full((3, 1, 2), NAN)}, "finite visible keypoints"),
    ({"boxes": torch.ones(2, 4)}, r"belong together: \[3, 1, 2\]"),
    ({"active": torch.ones(3, 2)}, "belong together"),
])
def test_landmarks_that_cannot_be_learnt_are_an_error(change, message):
    with pytest.raises(ValueError, match=message):
        keypoint_regression({**TRAIN, **change}, TRAIN)


def test_a_centroid_is_the_mean_cell_from_0_times_the_size_of_a_cell():
    maps = torch.zeros(1, 3, 4, 8)
    maps[0, 0, 1, 6] = 0.6
    maps[0, 1, 1, 0], maps[0, 1, 3, 4] = 0.375, 0.125
    centroids, active = part_centroids(maps, 224)
    assert centroids[0, :2].tolist() == [[6 * 28, 56], [28, 1.5 * 56]]
    assert active.tolist() == [[True, False, False]]


@pytest.mark.parametrize("broken", [0.0, NAN, float("inf")])
def test_a_map_without_a_centre_of_mass_is_not_active(broken):
    centroids, active = part_centroids(torch.full((1, 1, 2, 2), broken), 224)
    assert centroids.isnan().all()
    assert not active.any()


def test_a_part_is_active_above_one_half():
    assert part_centroids(torch.tensor([0.5, 0.5001]).view(1, 2, 1, 1), 224)[1].tolist() == [[False, True]]
    with pytest.raises(ValueError, match=r"\[N, K, h, w\]"):
        part_centroids(torch.ones(2, 3, 3), 224)


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_the_accumulator_learns_from_some_images_and_scores_the_others(batch):
    train, test = random_images(1, 60), random_images(2, 50)
    both = {name: torch.cat([train[name], test[name]]) for name in train}
    both["keypoints"].clamp_(0, 223)
    fit = torch.arange(110) < 60
    order = torch.randperm(110, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(110) % 5
    metric = KeypointRegression(Protocol())
    for some in order.split(batch):
        metric.update(*(both[name][some] for name in ("centroids", "active", "keypoints", "visible", "boxes")),
                      labels[some], fit[some])
    learnt, scored = ({name: value[which] for name, value in both.items()} for which in (fit, ~fit))
    assert metric.compute().item() == pytest.approx(keypoint_regression(learnt, scored), abs=1e-12)
    assert metric.images == 50
    classes, statistic = metric.resampling()
    only = {name: value[labels[~fit] == 2] for name, value in scored.items()}
    assert classes == 5
    assert statistic(np.ones((1, 5)))[0] == pytest.approx(metric.compute().item())
    assert statistic(np.eye(5))[2] == pytest.approx(keypoint_regression(learnt, only))  # what is learnt stays


def test_the_accumulator_does_not_score_landmarks_outside_the_canvas():
    scores = []
    for place in (230.0, 500.0):
        metric = KeypointRegression(Protocol())
        some = random_images(1, 40)
        some["keypoints"].clamp_(0, 223)
        some["keypoints"][::4, 0] = place
        metric.update(*some.values(), torch.zeros(40, dtype=torch.long), torch.arange(40) < 20)
        scores.append(metric.compute().item())
    assert scores[0] == scores[1]
