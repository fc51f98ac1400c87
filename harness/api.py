"""`run` for Python users, and what it shares with the command line."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ..durable import sweep
from ..errors import UserError
from ..leaderboard import Store
from .config import RunConfig, make_config
from .console.display import display_of
from .foresight.budget import Budget, BudgetSpent
from .foresight.learned import Longest
from .plan import Job, Plan, make_plan
from .rates import chosen_rates, rates_folder
from .results.place import results_at
from .schedule.attempts import write_attempt
from .schedule.docket import Docket
from .schedule.leases import remove_abandoned
from .schedule.turns import Turns
from .schedule.work import in_process, longest_first, on_ray

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Result:
    """What became of a request: the plan, and the status of every run that was not finished before."""

    plan: Plan
    statuses: dict[str, str]

    @property
    def exit_code(self) -> int:
        """0 all done, 1 a run failed, 130 interrupted."""
        if "interrupted" in self.statuses.values():
            return 130
        return int(any(status != "done" for status in self.statuses.values()))


def run(**request: Any) -> "pandas.DataFrame":
    """Do every run of a request that is not done yet, and return the leaderboard.

    Args:
        request: the fields of :class:`RunConfig`, such as ``methods``, ``dataset``, ``seeds``, ``out``.

    Returns:
        The tidy frame of :func:`partbench.leaderboard.load`: one row per run, metric, protocol, level and split.

    Raises:
        UserError: something in the request cannot work.
    """
    config, console = make_config(request), Console(stderr=True)
    budget = budget_of(config)
    with suppress(BudgetSpent):
        execute(config, full_plan(config, console, budget), console, budget)
    if budget and budget.refused:
        console.print(budget.left_over(), style="yellow", markup=False, highlight=False, soft_wrap=True)
    return Store(results_at(config.out).folder).current()[0]


def budget_of(config: RunConfig) -> Budget | None:
    """The budget of a request, if it has one; its time runs from now on."""
    return None if config.budget is None else Budget(config.budget, Longest(config))


def full_plan(config: RunConfig, console: Console, budget: Budget | None = None) -> Plan:
    """The plan of a request whose learning rates are chosen: does the trials that this takes.

    Raises:
        UserError: something in the request cannot work.
        KeyboardInterrupt: the user stopped the trials.
        BudgetSpent: there was no time for all of them.
    """
    def trials(jobs: Sequence[Job], config: RunConfig, console: Console) -> dict[str, str]:
        statuses = carry_out(jobs, config, console, budget)
        if budget and budget.refused and "interrupted" not in statuses.values():
            raise BudgetSpent
        return statuses

    return make_plan(config, chosen_rates(config, console, trials))


def execute(config: RunConfig, plan: Plan, console: Console, budget: Budget | None = None) -> Result:
    """Carry a plan out and bring leaderboard.parquet up to date, whatever happens to single runs."""
    results = results_at(config.out)
    store = Store(results.folder)
    for out in filter(None, (results.folder, results.remote)):
        Store(out).check_writable()
    sweep(Path(results.folder))
    remove_abandoned(Store(results.remote or results.folder).folder)
    results.send_finished()  # what an earlier command could not send
    statuses = _give_up(plan, console)
    try:
        if plan.todo:
            statuses |= carry_out(plan.todo, config, console, budget)
        if config.controls and "interrupted" not in statuses.values():
            from .controls.blind import write_controls

            write_controls(plan, console)
    finally:
        try:
            results.send_finished()
            results.fetch("rows", "items")  # of workers on other machines, and of other commands
        finally:
            store.build()
        results.send("leaderboard.parquet")
    return Result(plan, statuses)


def carry_out(jobs: Sequence[Job], config: RunConfig, console: Console,
              budget: Budget | None = None) -> dict[str, str]:
    """Do runs, in Ray's workers or here; returns the status of each by its id, of those that there was time for.

    Raises:
        UserError: something in the request cannot work.
    """
    if config.out.startswith("memory://") and not config.in_process:
        raise UserError(f"--out {config.out} is the memory of this process, which Ray's workers do not see; add "
                        "--in-process")
    if config.force:
        from .trial import start_over

        for job in jobs:
            start_over(job)
    with display_of(jobs, console) as display, Turns(jobs, config.force) as turns:
        docket = Docket(display, turns, budget)
        for job in longest_first(jobs):
            docket.add(job)
        (in_process if config.in_process else on_ray)(docket, config)
        return docket.settle()


def _give_up(plan: Plan, console: Console) -> dict[str, str]:
    """Mark the runs whose learning rate could not be chosen as failed; returns their status."""
    for job in plan.jobs:
        if job.run_id in plan.hopeless:
            reason = (f"all {len(plan.config.rate_factors)} trials of its learning rate failed; see: "
                      f"harness list runs --out {rates_folder(plan.config.out)}")
            write_attempt(job, "failed", reason)
            console.print(f"{job.spec.name} seed {job.spec.seed}: failed ({reason})", style="red", markup=False,
                          soft_wrap=True)
    return dict.fromkeys(plan.hopeless, "failed")
