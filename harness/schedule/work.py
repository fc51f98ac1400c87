"""A list of runs from the first to the last, here or in Ray's workers."""

import time
from collections.abc import Sequence

from ...errors import UserError
from ...methods.catalogue import registry as methods
from ..config import Request
from ..plan import Job
from .attempts import time_is_up
from .connection import connected
from .docket import Docket
from .interrupts import Interrupts, TimeUp, in_one_process
from .places import ClusterLost
from .pool import Pool

_WAIT = 0.5  # seconds between looks at runs that another command does
_STARTS = 3  # of a Ray of our own that dies


def longest_first(jobs: Sequence[Job]) -> list[Job]:
    """So that no long run begins last, when all others have ended; equals keep their order."""
    def work(job: Job) -> float:
        card = methods.get(job.spec.method)
        return card.step_costs.get(job.spec.variant, card.step_cost) * job.spec.epochs

    return sorted(jobs, key=work, reverse=True)


def in_process(docket: Docket, config: Request) -> None:
    """One run after the other in this process.

    Raises:
        KeyboardInterrupt: the user asked twice to stop.
    """
    from ..trial import run_job

    with in_one_process() as interrupts:
        while docket.waiting and not (interrupts.asked or docket.hopeless):
            job = docket.next()
            if job is None:
                time.sleep(_WAIT if docket.waiting else 0)
                continue
            try:
                with interrupts.limited(config.timeout):
                    end = run_job(job, lambda event, job=job: docket.event(job, event), lambda: interrupts.asked)
            except TimeUp:
                end = time_is_up(job, config.timeout)
            docket.end(job, end)
    docket.closing = interrupts.asked


def on_ray(docket: Docket, config: Request) -> None:
    """As many runs at once as the cluster holds; a Ray of our own that dies is started again.

    Raises:
        UserError: there is no cluster at the address, it is lost, or no node offers what a run takes.
        KeyboardInterrupt: the user asked twice to stop.
    """
    for _ in range(_STARTS):
        with connected(config.address) as ray, Interrupts() as interrupts:
            pool = Pool(ray, config, docket, len(docket.waiting))
            try:
                while (docket.waiting or pool.busy) and not (interrupts.asked or docket.hopeless):
                    pool.step()
                if interrupts.asked or docket.hopeless:
                    pool.interrupt()
                return
            except ClusterLost:
                pool.abandon()
        if config.address:
            break
    raise UserError("Ray was lost; finished runs are kept, and the same command continues the others")
