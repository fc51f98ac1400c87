"""The end of a search: the kept setting beside the paper's, on the same seeds, both fitted on train+val and tested."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import yaml
from rich.console import Console

from ...durable import write_whole
from ...errors import UserError
from ...leaderboard import Store
from ...plain_json import parsed
from ...sweeps import Difference, SearchPlan, Tested, TrialRecord
from ..api import carry_out
from ..config import RunConfig
from ..plan import Plan, make_plan
from .compared import compared
from .config import TuneConfig
from .folder import SweepFolder

_ALWAYS_WRITTEN = {"methods", "dataset", "seeds", "fit_on", "split", "sweep"}


@dataclass(frozen=True)
class Kept:
    """The trial of a method that the user's rule picks."""

    plan: SearchPlan
    trial: TrialRecord


def final_config(config: TuneConfig, method: str, name: str, settings: Mapping[str, Any]) -> RunConfig:
    """The request that trains ``settings`` for the table: on train+val, every seed, every metric of the protocol.

    Args:
        name: of the sweep that found them; empty for the paper's setting.
    """
    return config.of_method(method, settings, epochs=config.final_epochs or config.epochs, fit_on="train+val",
                            split="test", sweep=name)


def write_kept(config: TuneConfig, folder: SweepFolder, kept: Kept) -> None:
    """Write the kept setting as a request for the runs that test it.

    Raises:
        UserError: the folder cannot be written.
    """
    plan, trial, file = kept.plan, kept.trial, folder.kept(kept.plan.method)
    request = final_config(config, plan.method, plan.name, trial.settings)
    values = ", ".join(f"{metric} {value:.4f}" for metric, value in trial.values.items())
    head = (f"# Trial {trial.number} of sweep {plan.name}, run {trial.run_id}, selected by {config.select}.\n"
            f"# On val after {trial.epochs} epochs: {values}.\n#\n#     harness run --config {file}\n")
    content = {key: value for key, value in request.model_dump(mode="json").items()
               if key in _ALWAYS_WRITTEN or value != RunConfig.model_fields[key].default}
    write_whole(file, f"{head}{yaml.safe_dump(content, sort_keys=False, width=120)}".encode())


def do_tests(config: TuneConfig, kept: Sequence[Kept], folder: SweepFolder, console: Console) -> dict[str, str]:
    """Train and test the paper's setting and the kept one of every method, and write down what came of it.

    Runs that were done before are not done again.

    Returns:
        By method what kept it from being tested; nothing of those that were.

    Raises:
        UserError: a run's request cannot work.
        KeyboardInterrupt: the user stopped it; the same command continues.
    """
    plans = {one.plan.method: _plans(config, one, console) for one in kept}
    todo = {job.run_id: job for pair in plans.values() for plan in pair for job in plan.todo}
    try:
        statuses = carry_out(list(todo.values()), plans[kept[0].plan.method][0].config, console) if todo else {}
    finally:
        Store(folder.out).build()
    if "interrupted" in statuses.values():
        raise KeyboardInterrupt
    failed = {}
    for one in kept:
        runs = [job.run_id for plan in plans[one.plan.method] for job in plan.jobs]
        lost = [run for run in runs if statuses.get(run, "done") != "done"]
        if lost:
            failed[one.plan.method] = f"{len(lost)} of {len(runs)} final runs failed; see: harness why {lost[0]}"
        else:
            _write_down(config, one, plans[one.plan.method], folder)
    return failed


def read_tests(folder: SweepFolder, method: str) -> list[Tested]:
    """Every look at test that the search of a method led to, in the order of time.

    Raises:
        UserError: the record of them is broken: how often test was looked at is not to be forgotten.
    """
    file = folder.tests(method)
    if not file.exists():
        return []
    try:
        return [Tested(**told | {"seeds": tuple(told["seeds"]), "runs": tuple(told["runs"]), "differences": tuple(
            Difference(**one) for one in told["differences"])}) for told in parsed(file.read_text())]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{file} is no record of tests ({type(error).__name__}); restore it from a copy, or delete it "
                        "and say in your report that test was looked at before") from None


def _plans(config: TuneConfig, kept: Kept, console: Console) -> tuple[Plan, ...]:
    """Runs of the paper's setting, and of the kept one where it is another."""
    method = kept.plan.method
    paper = make_plan(final_config(config, method, "", {}))
    found = make_plan(final_config(config, method, kept.plan.name, kept.trial.settings))
    if {job.run_id for job in paper.jobs} == {job.run_id for job in found.jobs}:
        console.print(f"{method}: the paper's setting is the one kept; it is tested alone, nothing is trained twice",
                      soft_wrap=True)
        return (paper,)
    return paper, found


def _write_down(config: TuneConfig, kept: Kept, plans: Sequence[Plan], folder: SweepFolder) -> None:
    """Add a look at test to those before, or put it in the place of the same one."""
    method, jobs = kept.plan.method, [job for plan in plans for job in plan.jobs]
    new = Tested(kept.trial.number if len(plans) > 1 else 0, config.select, config.seeds, jobs[0].spec.epochs,
                 tuple(job.run_id for job in jobs), tuple(_differences(folder, kept.plan, plans)))
    tests = [test for test in read_tests(folder, method) if test.runs != new.runs] + [new]
    write_whole(folder.tests(method), json.dumps([asdict(test) for test in tests], indent=1).encode())


def _differences(folder: SweepFolder, search: SearchPlan, plans: Sequence[Plan]) -> list[Difference]:
    """What the tests of the paper's setting and of the kept one say of what was searched for, metric by metric."""
    store = Store(folder.out)
    frame, _ = store.current()
    paper, *found = [{job.run_id for job in plan.jobs} for plan in plans]
    found = set().union(*found)
    tested = (frame["run_id"].isin(paper) & (frame["sweep"] == "")
              | frame["run_id"].isin(found) & (frame["sweep"] == search.name))
    own = (frame["split"] == "test") & (frame["protocol_id"] == plans[0].jobs[0].protocol.id)
    return compared(store, frame[tested & own], search.metrics, paper, found)
