"""`run` for Python users, and what it shares with the command line."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ..leaderboard import Store
from .config import RunConfig, make_config
from .display import Display
from .plan import Plan, make_plan
from .schedule import in_process, on_ray

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
    config = make_config(request)
    execute(config, make_plan(config), Console(stderr=True))
    return Store(config.out).current()[0]


def execute(config: RunConfig, plan: Plan, console: Console) -> Result:
    """Carry a plan out and bring leaderboard.parquet up to date, whatever happens to single runs."""
    store = Store(config.out)
    store.check_writable()
    statuses: dict[str, str] = {}
    try:
        if plan.todo:
            statuses = _do(config, plan, console)
        if config.controls and "interrupted" not in statuses.values():
            from .controls.blind import write_controls

            write_controls(plan, console)
    finally:
        store.build()
    return Result(plan, statuses)


def _do(config: RunConfig, plan: Plan, console: Console) -> dict[str, str]:
    if config.force:
        from .trial import start_over

        for job in plan.todo:
            start_over(job)
    with Display(plan.todo, console) as display:
        return in_process(plan.todo, display) if config.in_process else on_ray(plan.todo, config, display)
