"""Estimates of a request's runs: from the results that it adds to, or from a measured forward pass."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..leaderboard import Store
from ..metrics.protocol import protocol, protocols
from .config import RunConfig
from .cost import Sizes, costs
from .estimate import Estimator, Foretold
from .machine import Machine, this_machine
from .observed import Known, Observation, observations
from .plan import Job
from .rates import rates_folder


@dataclass(frozen=True)
class Learned:
    """An estimator, and where it has it from.

    Attributes:
        probed: no finished run told anything, so a forward pass was measured.
    """

    estimator: Estimator
    machine: Machine
    sizes: Sizes
    probed: bool = False

    def foretell(self, jobs: Sequence[Job]) -> Foretold:
        """Time and memory of runs that are to be done one after the other or side by side."""
        return self.estimator.foretell(jobs, costs(jobs, self.sizes))


def learn(config: RunConfig, jobs: Sequence[Job], sizes: Sizes, probe: bool = False) -> Learned:
    """What the results in ``--out`` say of how long runs take.

    Args:
        jobs: that estimates are wanted of.
        probe: measure a forward pass where the results say nothing of this machine.
    """
    machine, observed = this_machine(config), _observed(config, jobs, sizes)
    # What a cluster is made of is not known here: it is taken for what worked last.
    hardware = observed[-1].place.hardware if config.address and observed else machine.hardware
    estimator = Estimator(hardware, observed)
    if not probe or config.address or not jobs or any(map(estimator.knows, jobs)):
        return Learned(estimator, machine, sizes)
    from .probe import forward_pass

    return Learned(Estimator(hardware, [*observed, forward_pass(jobs[0])]), machine, sizes, True)


def _observed(config: RunConfig, jobs: Sequence[Job], sizes: Sizes) -> list[Observation]:
    known = Known({job.spec.dataset_fingerprint: sizes for job in jobs}, {
        rules.id: rules for rules in (*(job.protocol for job in jobs), *map(protocol, protocols))})
    return [found for out in (rates_folder(config.out), config.out) for found in observations(Store(out), known)]
