"""Estimates: near the truth, wide where little is known, and unknown where nothing is."""

from datetime import UTC, datetime, timedelta
from math import exp

import numpy as np
import pytest

from partbench.harness.config import make_config
from partbench.harness.foresight.cost import Sizes, costs
from partbench.harness.foresight.estimate import Estimator
from partbench.harness.foresight.machine import cpu
from partbench.harness.foresight.observed import Known, from_rows
from partbench.harness.foresight.regression import Model, Regression
from partbench.harness.foresight.wall import wall_seconds
from partbench.harness.plan import make_plan
from partbench.leaderboard import Row, Store

SIZES = Sizes({"train": 5394, "val": 600, "train+val": 5994, "test": 5794}, 15, False)
HERE = "some, 8 cores"


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Jobs of a request on CUB, whose pictures nobody looks at."""
    def plan(**changes):
        request = {"methods": "ivpt", "dataset": "cub", "backbone": "deit_tiny_patch16_224", "weights": "random",
                   "out": str(tmp_path)}
        return list(make_plan(make_config(request | changes), fingerprint="cub").jobs)
    return plan


def rows(job, seconds: float, hardware: str = HERE, images: int = 5794, **about) -> list[Row]:
    """As a run of these seconds leaves them, on a machine to which every forward pass is the same."""
    spec, started = job.spec, datetime.now(UTC) - timedelta(hours=1)
    [cost] = costs([job], SIZES)
    training, scoring = (seconds * part / cost.forwards for part in (cost.training, cost.scoring))
    return [Row(run_id=job.run_id, method=spec.method, variant=spec.variant, dataset=spec.dataset,
                dataset_fingerprint=spec.dataset_fingerprint, backbone=spec.backbone, image_size=spec.image_size,
                epochs=spec.epochs, protocol=job.protocol.name, protocol_id=job.protocol.id, metric=metric, value=0.5,
                n=n, train_seconds=training, explain_seconds=0.8 * scoring, score_seconds=0.2 * scoring,
                peak_memory_mb=2000.0, hardware=hardware, threads=spec.threads, precision=spec.precision,
                batch_size=spec.batch_size, started_at=started, finished_at=started + timedelta(seconds=seconds),
                **about) for metric, n in (("accuracy", images), ("insertion", 200))]


def estimator(store: Store, *jobs) -> Estimator:
    known = Known({"cub": SIZES}, {job.protocol.id: job.protocol for job in jobs})
    return Estimator(HERE, from_rows(store.read()[0], known))


def test_of_a_run_that_was_done_nine_times_the_tenth_is_known_within_a_third(planned, tmp_path):
    random, store = np.random.default_rng(0), Store(tmp_path)
    *before, job = planned(seeds=range(10))
    for each in before:
        store.write_scores(each.run_id, each.protocol.id, "test", rows(each, 3000 * exp(random.normal(0, 0.05))))
    span = estimator(store, job).foretell([job], costs([job], SIZES)).time_of(0)
    assert span.low < 3000 < span.high
    assert span.high / span.low < 1.7
    memory = estimator(store, job).foretell([job], costs([job], SIZES)).memory_of(0)
    assert memory.low < 2000 < memory.high < 1.3 * memory.low


def test_another_method_is_taken_by_the_cost_of_its_steps_another_size_by_its_multiply_adds(planned, tmp_path):
    [done], [other], [larger] = planned(), planned(methods="protopnet"), planned(image_size=448)
    store = Store(tmp_path)
    store.write_scores(done.run_id, done.protocol.id, "test", rows(done, 3000))
    told = estimator(store, done).foretell([done, other, larger], costs([done, other, larger], SIZES))
    own, others, large = (told.time_of(run) for run in range(3))
    steps = costs([other], SIZES)[0].forwards / costs([done], SIZES)[0].forwards
    assert others.middle == pytest.approx(own.middle * steps, rel=0.35)
    assert 4 < large.middle / own.middle < 8
    assert own.high / own.low < others.high / others.low < large.high / large.low


def test_other_hardware_and_a_backbone_of_unknown_layout_tell_nothing(planned, tmp_path):
    [job], [unknown] = planned(), planned(methods="protopnet", backbone="resnet34")
    store = Store(tmp_path)
    store.write_scores(job.run_id, job.protocol.id, "test", rows(job, 3000, hardware="other"))
    assert estimator(store, job).foretell([job], costs([job], SIZES)).time_of(0) is None
    store.write_scores(job.run_id, job.protocol.id, "test", rows(job, 3000))
    told = estimator(store, job).foretell([job, unknown], costs([job, unknown], SIZES))
    assert told.known.tolist() == [True, False]
    assert told.memory_of(1) is not None


@pytest.mark.parametrize(("protocol", "views", "told"), [("accuracy", 8, False), ("accuracy", 0, True),
                                                         ("partbench", 8, True)])
def test_scores_that_may_have_come_from_stored_tokens_tell_nothing_of_time(protocol, views, told, planned, tmp_path):
    [job] = planned(protocol=protocol)
    store = Store(tmp_path)
    store.write_scores(job.run_id, job.protocol.id, "test", rows(job, 3000, views=views))
    observed = from_rows(store.read()[0], Known({"cub": SIZES}, {job.protocol.id: job.protocol}))
    kinds = {found.place.kind for found in observed}
    assert kinds == {"train", "memory", *(["score"] if told else [])}


def test_a_part_of_a_data_set_is_told_by_the_images_that_were_scored(planned, tmp_path):
    [job] = planned()
    whole, part = Store(tmp_path / "whole"), Store(tmp_path / "part")
    elsewhere = {"dataset_fingerprint": "another"}
    for store, seconds, images in ((whole, 3000.0, 5794), (part, 300.0, 579)):
        store.write_scores(job.run_id, job.protocol.id, "test", [
            row.model_copy(update=elsewhere) for row in rows(job, seconds, images=images)])
    first, second = (estimator(store, job).foretell([job], costs([job], SIZES)).time_of(0) for store in (whole, part))
    assert second.middle == pytest.approx(first.middle, rel=0.25)


def test_ranges_hold_the_truth_as_often_as_they_say_also_among_runs_that_a_busy_machine_held_up():
    """Leave-one-out over worlds drawn from the model's own assumptions, with one run in ten far too slow."""
    random, inside, number = np.random.default_rng(1), 0, 0
    model = Model([(lambda point: "all", 2.0), (lambda point: point[0], 0.3)], [(lambda point: point[1], 0.2, 1.0)],
                  0.15, 0.0)
    for _ in range(25):
        points = [(int(random.integers(4)), float(random.uniform(0, 3))) for _ in range(15)]
        covariance = model.covariance(points, points) + 1e-9 * np.eye(15)
        values = np.linalg.cholesky(covariance) @ random.standard_normal(15)
        values = values + 0.15 * random.standard_normal(15) + np.where(random.random(15) < 0.1, 1.5, 0.0)
        for left in range(15):
            rest = [index for index in range(15) if index != left]
            drawn = Regression(model, [points[index] for index in rest], values[rest]).draws(
                [points[left]], 400, random)
            low, high = np.quantile(drawn, (0.1, 0.9))
            inside += bool(low <= values[left] <= high)
            number += 1
    assert 0.72 < inside / number < 0.9


def test_one_run_that_slept_for_hours_does_not_spoil_the_others():
    model = Model([(lambda point: "all", 2.0)], [], 0.15, 0.0)
    random = np.random.default_rng(2)
    values = random.normal(1.0, 0.1, 12)
    drawn = Regression(model, ["x"] * 13, [*values, 4.0]).draws(["x"], 2000, random)
    assert np.quantile(drawn, 0.5) == pytest.approx(1.0, abs=0.1)
    assert np.quantile(drawn, 0.9) < 1.6


def test_runs_side_by_side_take_as_long_as_the_fullest_place():
    seconds = np.array([[3.0, 1.0, 2.0], [6.0, 2.0, 4.0]])
    assert wall_seconds(seconds, 1).tolist() == [6, 12]
    assert wall_seconds(seconds, 2).tolist() == [3, 6]
    assert wall_seconds(seconds, 9).tolist() == [3, 6]


def test_a_dry_run_measures_where_nothing_is_known_and_learns_from_what_is_done(harness, flags, tmp_path):
    words = ["run", *flags(tmp_path, methods=["ivpt"], protocol="accuracy"), "--dry-run"]
    before = harness(*words)
    assert f"from a forward pass measured on {cpu()} just now" in before.out
    assert "memory: unknown" in before.out
    assert harness("run", *flags(tmp_path, methods=["ivpt"], protocol="accuracy", seeds=1), "--quiet").code == 0
    after = harness(*words).out
    assert f"from 1 finished run on {cpu()}" in after
    assert "measured" not in after
    assert "minutes for 1 run" in after
    assert "GiB of main memory" in after


def test_of_a_cluster_that_nothing_ran_on_nothing_is_said_to_be_known(harness, flags, tmp_path):
    told = harness("run", *flags(tmp_path, methods=["ivpt"], in_process=None, address="auto"), "--dry-run").out
    assert "time and memory: unknown" in told
    [line] = [line for line in told.splitlines() if "to do " in line and "ivpt" in line]
    assert line.count("unknown") == 2
    assert "minutes for" not in told
