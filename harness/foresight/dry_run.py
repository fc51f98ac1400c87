"""What `--dry-run` prints: the runs of a request, which of them are finished, and what the others cost.

Torch is imported only where no finished run tells how fast this machine is, and a forward pass is measured instead.
"""

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ... import datasets
from ..config import RunConfig
from ..plan import Job, Plan, make_plan
from ..rates import known_choices
from .cost import Cost, Sizes, costs, multiply_adds
from .estimate import Span
from .estimate_text import spelt, told
from .learned import learn, sizes_of
from .stored import stored_views

_SPEED = 100e12  # multiply-adds a second of the example: a round figure for one large GPU
_UNITS = ((3600, "hours"), (60, "minutes"))
_PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"))


@dataclass(frozen=True)
class Foreseen:
    """A request as far as it is known before anything is done.

    Attributes:
        plan: of its runs; those whose learning rate is yet to be chosen have ids that mean nothing.
        trials: that come first.
        undecided: names of methods whose learning rate they choose.
        sizes: of the data set.
        absent: folder where the data set is not: sizes are the complete one's, and no id means anything.
    """

    plan: Plan
    trials: list[Job]
    undecided: frozenset[str]
    sizes: Sizes
    absent: str = ""

    def known_id(self, job: Job) -> bool:
        return not self.absent and job.spec.name not in self.undecided


def foresee(config: RunConfig) -> Foreseen:
    """Plan a request from what is on this machine, or from the official counts where its data set is not.

    Raises:
        UserError: something in the request cannot work.
    """
    card = datasets.registry.get(config.dataset)
    folder, official = card.folder(config.data_root), Sizes.official(card)
    absent = official and config.data_root is None and not folder.exists()
    stand_in = "absent" if absent else None
    plan = make_plan(config, fingerprint=stand_in)
    choices = known_choices(plan) if len(config.rate_factors) > 1 else {}
    waiting = {name: list(choice.trials.values()) if config.force else choice.waiting
               for name, choice in choices.items()}
    trials = {job.run_id: job for jobs in waiting.values() for job in jobs}
    chosen = {name: choice.factor for name, choice in choices.items() if not waiting[name]}
    sizes = official if absent else sizes_of(plan.jobs[0])
    return Foreseen(make_plan(config, chosen, stand_in), list(trials.values()),
                    frozenset(name for name in waiting if waiting[name]), sizes, str(folder) if absent else "")


def dry_run(config: RunConfig) -> RenderableType:
    """The table and the lines below it.

    Raises:
        UserError: something in the request cannot work.
    """
    seen = foresee(config)
    plan, first = seen.plan, seen.plan.jobs[0].spec
    each = multiply_adds(first.backbone, first.image_size)
    todo = [job for job in plan.jobs if not _finished(job, seen)]
    price = dict(zip((job.run_id for job in todo), costs(todo, seen.sizes), strict=True))
    jobs = [*todo, *seen.trials]
    learned = learn(config, jobs, seen.sizes, probe=True)
    foretold = learned.foretell(jobs)
    total = sum(price.values(), sum(costs(seen.trials, seen.sizes), Cost()))
    lines = [f"{len(todo)} of {len(plan.jobs)} runs to do, fitted on {first.fit_on}, scored on {plan.config.split} "
             f"under {plan.config.protocol}"]
    if seen.trials:
        lines.append(f"before them {len(seen.trials)} trials of {config.rate_epochs} epochs choose learning rates; a "
                     "run's id depends on what they choose")
    if todo or seen.trials:
        lines.append(_sum(total, each))
        lines += told(plan.config, learned, foretold)
        lines += filter(None, [stored_views(jobs, seen.sizes)])
    if seen.absent:
        lines.append(f"there is no {seen.absent}: these are the counts of the complete data set, and ids need the data")
    title = Text(f"{first.dataset}, {first.backbone} at {first.image_size} px")
    estimates = {job.run_id: (foretold.time_of(run), foretold.memory_of(run)) for run, job in enumerate(todo)}
    return Group(title, _table(seen, price, each, estimates), *map(Text, lines))


def _finished(job: Job, seen: Foreseen) -> bool:
    return seen.known_id(job) and job.run_id in seen.plan.finished


def _table(seen: Foreseen, price: dict[str, Cost], each: float | None,
           estimates: dict[str, tuple[Span | None, Span | None]]) -> Table:
    table = Table(box=None)
    table.add_column("run", no_wrap=True)
    table.add_column("method")
    factors = seen.plan.config.rate_factors != (1,)
    for name in ("seed", "epochs", *(["rates"] if factors else []), "images", "forwards", "multiply-adds", "minutes",
                 "memory"):
        table.add_column(name, justify="right")
    table.add_column("state")
    for job in seen.plan.jobs:
        spec, cost = job.spec, price.get(job.run_id)
        table.add_row(
            job.run_id if seen.known_id(job) else "",
            spec.name, str(spec.seed), str(spec.epochs),
            *(["" if spec.name in seen.undecided else f"x {spec.rate_factor:g}"] if factors else []),
            *(("",) * 5 if cost is None else (
                f"{cost.images:,}", f"{cost.forwards:,.0f}", "" if each is None else _amount(cost.forwards * each),
                *map(spelt, estimates[job.run_id], (1 / 60, 1 / 1024), ("", " GiB")))),
            "finished" if cost is None else "to do")
    return table


def _sum(total: Cost, each: float | None) -> str:
    line = (f"about {total.forwards:,.0f} forward passes of an image, for {total.images:,} training images and the "
            "scores")
    if each is None:
        return line
    work = total.forwards * each
    line += f": {_amount(work)} multiply-adds"
    # A GPU is no measure of what takes it seconds.
    return line if work < 60 * _SPEED else f"{line}, at 100 T a second {_time(work / _SPEED)}"


def _time(seconds: float) -> str:
    """``4.2 hours``."""
    scale, unit = next((pair for pair in _UNITS if seconds >= pair[0]), _UNITS[-1])
    return f"{seconds / scale:,.1f} {unit}"


def _amount(number: float) -> str:
    """``3.1e14`` -> ``310 T``."""
    scale, prefix = next((pair for pair in _PREFIXES if number >= pair[0]), _PREFIXES[-1])
    return f"{number / scale:.3g} {prefix}"
