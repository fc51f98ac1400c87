"""A list of runs from the first to the last, here or in Ray's workers."""

from ..errors import UserError
from .config import Request
from .plan import Job
from .pool import Listener, Pool, connected


def in_process(jobs: list[Job], listener: Listener) -> dict[str, str]:
    """One run after the other in this process; returns the status by run id.

    Raises:
        UserError: a run's request cannot work.
    """
    from .trial import run_job

    statuses = {}
    for job in jobs:
        outcome = run_job(job, lambda event, job=job: listener.event(job.run_id, event))
        if outcome.status == "refused":
            raise UserError(outcome.error)
        statuses[job.run_id] = outcome.status
        listener.ended(job.run_id, outcome.status, outcome.error)
        if outcome.status == "interrupted":
            break
    return statuses


def on_ray(jobs: list[Job], config: Request, listener: Listener) -> dict[str, str]:
    """As many runs at once as the cluster holds; returns the status by run id.

    Raises:
        UserError: a run's request cannot work, or there is no cluster at the address.
    """
    with connected(config.address) as ray:
        pool = Pool(ray, config, listener, at_once=len(jobs))
        for job in jobs:
            pool.add(job)
        return pool.work()
