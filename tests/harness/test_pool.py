"""Who gets the next run: healthy workers again, no others; and what a failure, a refusal or Ctrl-C does to the rest."""

from collections import Counter
from types import SimpleNamespace

import pytest
from fake_ray import BROKE, DIED, FakeRay

from partbench.errors import UserError
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.schedule.connection import connected
from partbench.harness.schedule.docket import Docket
from partbench.harness.schedule.places import ClusterLost, Places
from partbench.harness.schedule.pool import Pool
from partbench.leaderboard import Store


@pytest.fixture
def pool(asked, tmp_path):
    """A pool over five seeds, of which ``ends`` says how they end."""
    def make(fake, **changes):
        config = make_config(asked(tmp_path, methods=["ivpt"], seeds=range(5), **changes))
        silent = SimpleNamespace(event=lambda *_: None, said=lambda *_: None, ended=lambda *_: None)
        docket = Docket(silent)
        for job in make_plan(config).jobs:
            docket.add(job)
        return Pool(fake, config, docket, len(docket.waiting))
    return make


def work(pool) -> dict[str, str]:
    while (pool.docket.waiting or pool.busy) and not pool.docket.hopeless:
        pool.step()
    return pool.docket.settle()


def rows(tmp_path) -> dict[int, tuple[str, str]]:
    frame, _ = Store(tmp_path).read()
    return {row.seed: (row.status, row.error) for row in frame.itertuples()}


def test_healthy_workers_are_used_again(pool):
    fake = FakeRay({})
    assert set(work(pool(fake)).values()) == {"done"}
    assert len(fake.workers) == 2
    assert not fake.killed


def test_a_worker_that_did_not_end_well_gets_no_second_run(pool):
    fake = FakeRay({0: "failed"})
    assert sorted(work(pool(fake)).values()) == ["done"] * 4 + ["failed"]
    assert fake.killed == fake.workers[:1]
    assert [seed for worker, seed in fake.began if worker == id(fake.workers[0])] == [0]


def test_a_worker_that_kept_memory_is_replaced(pool):
    fake = FakeRay({}, bloats=True)
    work(pool(fake))
    assert len(fake.workers) == len(fake.killed) == 5


def test_a_lost_worker_costs_three_more_tries_and_a_failure_one(pool, tmp_path):
    fake = FakeRay({0: DIED, 1: BROKE})
    assert sorted(work(pool(fake)).values()) == ["done"] * 3 + ["failed"] * 2
    assert Counter(seed for _, seed in fake.began) == {0: 4, 1: 2, 2: 1, 3: 1, 4: 1}
    assert rows(tmp_path) == {
        0: ("failed", "the worker process died: it was killed, or crashed outside Python"),
        1: ("failed", "OSError: stale file handle")}


def test_what_does_not_fit_into_memory_is_tried_in_ever_smaller_parts(pool):
    fake = FakeRay({0: "out_of_memory"})
    parts = []
    began = fake.began.append
    fake.began = SimpleNamespace(append=began)
    sound = fake.make

    def make():
        worker = sound()
        run = worker.run.remote
        worker.run.remote = lambda job: (parts.append(job.accumulation) if job.spec.seed == 0 else None, run(job))[1]
        return worker

    fake.make = make
    made = pool(fake, batch_size=12)
    assert sorted(work(made).values()) == ["done"] * 4 + ["out_of_memory"]
    assert parts == [1, 2, 4, 8]


def test_a_refused_run_is_a_row_beside_runs_that_work(pool, tmp_path):
    fake = FakeRay({1: "refused"})
    assert sorted(work(pool(fake)).values()) == ["done"] * 4 + ["failed"]
    assert rows(tmp_path) == {1: ("failed", "why it refused")}
    assert fake.workers[1] in fake.killed


def test_what_refuses_every_run_is_the_users_error_and_no_row(pool, tmp_path):
    fake = FakeRay(dict.fromkeys(range(5), "refused"))
    with pytest.raises(UserError, match="why it refused"):
        work(pool(fake))
    assert len(fake.began) < 5
    assert rows(tmp_path) == {}


def test_stopping_asks_the_running_ones_and_starts_no_more(pool):
    fake = FakeRay({0: "never", 1: "never"})
    made = pool(fake)
    made.step()
    made.interrupt()
    assert list(made.docket.settle().values()) == ["interrupted"] * 5
    assert len(fake.began) == 2


def test_a_run_that_does_not_answer_is_marked_for_it(pool, tmp_path, monkeypatch):
    monkeypatch.setattr("partbench.harness.schedule.pool._GRACE", 0.0)
    fake = FakeRay({0: "never", 1: "done"})
    made = pool(fake)
    made.step()
    made.interrupt()
    assert "interrupted" in made.docket.settle().values()
    assert rows(tmp_path)[0][0] == "interrupted"
    assert fake.workers[0] in fake.killed


def test_a_dead_ray_is_told_and_its_runs_wait_again_which_is_a_try_for_those_that_had_begun(pool, tmp_path,
                                                                                             monkeypatch):
    monkeypatch.setattr("partbench.harness.schedule.pool._NODES", 0.0)
    fake = FakeRay({0: "never", 1: "never"})
    made = pool(fake)
    made.step()
    first, second = made.busy
    first.began, second.began = 1.0, None
    fake.alive = False
    with pytest.raises(ClusterLost):
        made.step()
    second.began = None
    made.abandon()
    assert len(made.docket.waiting) == 5
    assert set(rows(tmp_path)) == {0}


def test_an_idle_worker_leaves_its_place_where_a_node_was_lost(pool, monkeypatch):
    monkeypatch.setattr("partbench.harness.schedule.pool._NODES", 0.0)
    fake = FakeRay({0: "never"})  # its worker waits for room
    found = pool(fake)
    while found.docket.waiting or not found.idle:
        found.step()
    assert not fake.killed
    fake.cpus = 1.0
    found.step()
    found.step()
    assert fake.killed == fake.workers[1:]
    assert [seat.job.spec.seed for seat in found.busy] == [0]


@pytest.mark.parametrize(("share", "runs"), [(0.1, 10), (0.25, 4), (0.3, 3), (1, 1)])
def test_a_gpu_is_shared_out_whole(share, runs):
    fake = FakeRay({})
    fake.nodes = lambda: [{"Alive": True, "Resources": {"CPU": 64.0, "GPU": 1.0}},
                          {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 1.0}}]
    config = make_config({"methods": "ivpt", "dataset": "cub", "gpus_per_run": share})
    assert Places.of(fake, config).count() == runs


def test_more_than_the_machine_offers_is_one_line(pool):
    with pytest.raises(UserError, match=r"no node offers 1 CPUs, 4 GPUs a run; lower"):
        pool(FakeRay({}), gpus_per_run=4)
    with pytest.raises(UserError, match=r"no node offers 1 CPUs, 0 GPUs and 64.0 GiB a run; lower"):
        pool(FakeRay({}), memory_per_run="64GB")


def test_a_machine_too_busy_to_start_ray_is_one_line(monkeypatch):
    def init(**_):
        raise Exception("The current node timed out during startup. This could happen because\nthe raylet crashed")
    monkeypatch.setattr("ray.init", init)
    said = r"^Ray does not start: The current node timed out[^\n]*--in-process$"
    with pytest.raises(UserError, match=said), connected(None):
        pass
