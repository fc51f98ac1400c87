"""Requests for several processes a run that cannot work are refused before anything starts."""

import pytest

from partbench.errors import UserError
from partbench.harness.config import make_config
from partbench.harness.plan import make_plan
from partbench.harness.spread.shares import check_batch


def plan(asked, out, **changes):
    return make_plan(make_config(asked(out, **{"in_process": False, "workers_per_run": 2} | changes)))


def test_every_job_says_its_processes_and_its_id_does_not(asked, tmp_path):
    alone, shared = plan(asked, tmp_path, workers_per_run=1), plan(asked, tmp_path)
    assert {job.workers for job in alone.jobs} == {1}
    assert {job.workers for job in shared.jobs} == {2}
    assert [job.run_id for job in alone.jobs] == [job.run_id for job in shared.jobs]


def test_batches_that_do_not_divide_are_refused(asked, tmp_path):
    with pytest.raises(UserError, match=r"cannot share batches of 3 images evenly; give a --batch-size that 2 divides"):
        plan(asked, tmp_path, batch_size=3)


def test_one_batch_of_all_images_must_divide_too():
    check_batch(16, 2, 10)
    with pytest.raises(UserError, match="single batch of all 9 training images"):
        check_batch(16, 2, 9)


def test_a_method_that_does_not_know_of_shares_is_refused(asked, tmp_path, with_toy):
    with pytest.raises(UserError, match="toy does not say that its loss can be shared"):
        plan(asked, tmp_path, methods="toy")


def test_one_process_and_several_exclude_each_other(asked, tmp_path):
    with pytest.raises(UserError, match=r"--in-process .* leave one out"):
        plan(asked, tmp_path, in_process=True)
