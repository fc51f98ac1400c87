"""Estimates of a request's runs: from the results that it adds to, or from a measured forward pass."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ... import datasets
from ...leaderboard import Store
from ...metrics.protocol import protocol, protocols
from ..config import RunConfig
from ..plan import Job
from ..rates import rates_folder
from ..results.place import results_at
from .cost import Sizes, costs
from .estimate import Estimator, Foretold
from .machine import Machine, this_machine
from .observed import Known, Observation, from_rows, observations

_MORE = 0.1  # of the observations so far, that are new: then estimates are made anew


@dataclass(frozen=True)
class Learned:
    """An estimator, and where it has it from.

    Attributes:
        probed: no finished run told anything, so a forward pass was measured.
    """

    estimator: Estimator
    machine: Machine
    sizes: Sizes
    observed: tuple[Observation, ...]
    probed: bool = False

    def foretell(self, jobs: Sequence[Job]) -> Foretold:
        """Time and memory of runs; what several of them train together is counted with the first."""
        return self.estimator.foretell(jobs, costs(jobs, self.sizes))

    def and_of(self, new: Sequence[Observation]) -> "Learned":
        """The same with more observations."""
        observed = (*self.observed, *new)
        return replace(self, observed=observed, estimator=Estimator(self.estimator.hardware, observed))


def learn(config: RunConfig, jobs: Sequence[Job], sizes: Sizes, probe: bool = False) -> Learned:
    """What the results in ``--out`` say of how long runs take.

    Args:
        jobs: that estimates are wanted of.
        probe: measure a forward pass where the results say nothing of this machine.
    """
    machine, out, known = this_machine(config), results_at(config.out).folder, _known(jobs, sizes)
    observed = tuple(found for folder in (rates_folder(out), out) for found in observations(Store(folder), known))
    # What a cluster is made of is not known here: it is taken for what worked last.
    hardware = observed[-1].place.hardware if config.address and observed else machine.hardware
    learned = Learned(Estimator(hardware, observed), machine, sizes, observed)
    if not probe or config.address or not jobs or any(map(learned.estimator.knows, jobs)):
        return learned
    from .probe import forward_pass

    return replace(learned.and_of([forward_pass(jobs[0])]), probed=True)


def _known(jobs: Sequence[Job], sizes: Sizes) -> Known:
    rules = (*(job.protocol for job in jobs), *map(protocol, protocols))
    return Known({job.spec.dataset_fingerprint: sizes for job in jobs}, {one.id: one for one in rules})


class Longest:
    """How long a run takes if it takes long, in seconds; learns from what is finished meanwhile.

    Looks at data set and results when it is first asked.
    """

    def __init__(self, config: RunConfig):
        self._config = config
        self._learned: Learned | None = None
        self._seen: dict[str, set[str]] = {}

    def __call__(self, job: Job) -> float | None:
        """Upper end of the estimate, and no more than a run's time limit; None where nothing is known."""
        new = self._new_runs(job.out)
        if self._learned is None:
            out = results_at(self._config.out).folder
            self._seen = {folder: self._new_runs(folder) for folder in (out, rates_folder(out))}
            self._learned = learn(self._config, [job], sizes_of(job))
        elif len(new) > _MORE * self._learned.estimator.runs:
            store, known = Store(job.out), _known([job], self._learned.sizes)
            self._learned = self._learned.and_of(
                [found for run_id in sorted(new) for found in from_rows(store.of_run(run_id), known)])
        else:
            new = set()
        self._seen[job.out] = self._seen.get(job.out, set()) | new
        span = self._learned.foretell([job]).time_of(0)
        return None if span is None else min(span.high, self._config.timeout or span.high)

    def _new_runs(self, out: str) -> set[str]:
        """Ids of runs that have rows of which nothing was learned yet."""
        return {found.name.partition(".")[0] for found in Store(out).folder.list("rows")} - self._seen.get(out, set())


def sizes_of(job: Job) -> Sizes:
    """Of the data set at hand."""
    return Sizes.of(datasets.load(job.spec.dataset, root=job.data_root, **job.spec.dataset_options))
