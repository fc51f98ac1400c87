"""Who gets the next run: healthy workers again, no others; and what a refusal or Ctrl-C does to the rest."""

from types import SimpleNamespace

import pytest
from fake_ray import BROKE, DIED, FakeRay

from partbench.errors import UserError
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.pool import Pool, connected
from partbench.leaderboard import Store


@pytest.fixture
def pool(asked, tmp_path):
    """A pool over five seeds, of which ``ends`` says how they end."""
    def make(fake, **changes):
        config = make_config(asked(tmp_path, methods=["ivpt"], seeds=range(5), **changes))
        jobs = list(make_plan(config).jobs)
        silent = SimpleNamespace(event=lambda *_: None, ended=lambda *_: None)
        found = Pool(fake, config, silent, at_once=len(jobs))
        for job in jobs:
            found.add(job)
        return found
    return make


def rows(tmp_path) -> dict[int, tuple[str, str]]:
    frame, _ = Store(tmp_path).read()
    return {row.seed: (row.status, row.error) for row in frame.itertuples()}


def test_healthy_workers_are_used_again(pool):
    fake = FakeRay({})
    assert set(pool(fake).work().values()) == {"done"}
    assert len(fake.workers) == 2
    assert not fake.killed


@pytest.mark.parametrize("end", ["failed", "interrupted", DIED, BROKE], ids=str)
def test_a_worker_that_did_not_end_well_gets_no_second_run(end, pool):
    fake = FakeRay({0: end})
    statuses = pool(fake).work()
    assert sorted(statuses.values()) == sorted(["done"] * 4 + [end if isinstance(end, str) else "failed"])
    assert fake.killed == fake.workers[:1]
    assert [seed for worker, seed in fake.began if worker == id(fake.workers[0])] == [0]


def test_a_worker_that_kept_memory_is_replaced(pool):
    fake = FakeRay({}, bloats=True)
    pool(fake).work()
    assert len(fake.workers) == len(fake.killed) == 5


def test_what_killed_a_run_is_on_its_row(pool, tmp_path):
    pool(FakeRay({0: DIED, 1: BROKE})).work()
    assert rows(tmp_path) == {0: ("failed", "the worker process died: The actor died unexpectedly."),
                              1: ("failed", "OSError: stale file handle")}


def test_a_refused_run_stops_the_others_where_they_can_continue(pool, tmp_path):
    fake = FakeRay({0: "never", 1: "refused"})
    with pytest.raises(UserError, match="why it refused"):
        pool(fake).work()
    assert [seed for _, seed in fake.began] == [0, 1]
    assert fake.workers[1] in fake.killed


def test_ctrl_c_asks_the_running_ones_to_stop_and_starts_no_more(pool):
    fake = FakeRay({0: "never", 1: "never"})
    fake.ctrl_c_at = 2
    assert list(pool(fake).work().values()) == ["interrupted", "interrupted"]
    assert len(fake.began) == 2


def test_a_run_that_does_not_answer_ctrl_c_is_marked_for_it(pool, tmp_path, monkeypatch):
    monkeypatch.setattr("partbench.harness.pool._GRACE", 0.0)
    fake = FakeRay({0: "never", 1: "done"})
    fake.ctrl_c_at = 3
    assert "interrupted" in pool(fake).work().values()
    assert rows(tmp_path)[0][0] == "interrupted"
    assert fake.workers[0] in fake.killed


def test_more_than_the_machine_offers_is_one_line(pool):
    with pytest.raises(UserError, match=r"no node offers 1 CPUs and 4 GPUs a run; lower"):
        pool(FakeRay({}), gpus_per_run=4)


def test_a_machine_too_busy_to_start_ray_is_one_line(monkeypatch):
    def init(**_):
        raise Exception("The current node timed out during startup. This could happen because\nthe raylet crashed")
    monkeypatch.setattr("ray.init", init)
    said = r"^Ray does not start: The current node timed out[^\n]*--in-process$"
    with pytest.raises(UserError, match=said), connected(None):
        pass
