"""Learning rates chosen on val: every method tries the same factors on its recipe's rates for the same few epochs.

Trials are runs of their own under ``<out>/rates``, scored by accuracy alone: they resume as all runs do, and no
leaderboard shows them. Their rows say what is chosen; ``chosen.json`` repeats it for people.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..durable import write_whole
from ..leaderboard import Store
from ..leaderboard.address import checked_address
from ..links import inside
from ..metrics.protocol import protocol
from ..plain_json import parsed
from .config import RunConfig
from .plan import Job, Plan, make_plan
from .results.place import Results, results_at

_ENDED = ("done", "not_applicable", "failed")
CarryOut = Callable[[Sequence[Job], RunConfig, Console], dict[str, str]]
"""Does runs and returns the status of each by its id."""


@dataclass(frozen=True)
class Choice:
    """The trials of one method, and what they scored.

    Attributes:
        trials: by factor.
        accuracy: on val, by factor: None where the trial failed, nothing where it has yet to be done.
    """

    trials: dict[float, Job]
    accuracy: dict[float, float | None] = field(default_factory=dict)

    @property
    def factor(self) -> float | None:
        """The best; of equals the nearest to 1, then the smaller. None where no trial ended well."""
        scored = [(-accuracy, max(factor, 1 / factor), factor)
                  for factor, accuracy in self.accuracy.items() if accuracy is not None]
        return min(scored)[-1] if scored else None

    @property
    def waiting(self) -> list[Job]:
        """Trials to do: those without an outcome, and all again where all failed."""
        if len(self.accuracy) == len(self.trials) and self.factor is None:
            return list(self.trials.values())
        return [job for factor, job in self.trials.items() if factor not in self.accuracy]


def rates_folder(out: str) -> str:
    """Where the trials of requests with this folder of results are kept."""
    return f"{out}/rates"


def known_choices(plan: Plan) -> dict[str, Choice]:
    """By the name of each method: its trials, and the outcomes that earlier commands left.

    Methods that share their training share their trials. ``plan`` may hold any rate factors.
    """
    first = [job for job in plan.jobs if job.spec.seed == plan.config.seeds[0]]
    trials = {job.spec.name: {factor: _trial(job, factor, plan.config.rate_epochs)
                              for factor in plan.config.rate_factors} for job in first}
    outcomes = _outcomes(next(iter(next(iter(trials.values())).values())))
    return {name: Choice(jobs, {factor: outcomes[job.run_id] for factor, job in jobs.items()
                                if job.run_id in outcomes}) for name, jobs in trials.items()}


def chosen_rates(config: RunConfig, console: Console, carry_out: CarryOut) -> dict[str, float | None]:
    """The rate factor of each method by its name, None where all its trials failed; does the trials that are missing.

    Empty where there is nothing to choose.

    Raises:
        UserError: something in the request cannot work, or the folder of trials is a link out of the results.
        KeyboardInterrupt: the user stopped the trials; the same request goes on with them.
    """
    if len(config.rate_factors) == 1:
        return {}
    plan = make_plan(config)
    inside(plan.jobs[0].out, "rates")
    choices = known_choices(plan)
    todo = {job.run_id: job for choice in choices.values()
            for job in (choice.trials.values() if config.force else choice.waiting)}
    if todo:
        console.print(f"choosing learning rates by accuracy on val: {len(todo)} trials of {config.rate_epochs} epochs",
                      soft_wrap=True)
        Store(rates_folder(checked_address(config.out))).check_writable()
        if "interrupted" in carry_out(list(todo.values()), config, console).values():
            raise KeyboardInterrupt
        _forget_weights(todo.values())
        choices = known_choices(plan)
    results = results_at(rates_folder(plan.jobs[0].remote or plan.jobs[0].out))
    results.fetch("chosen.json")
    _keep(choices, Path(results.folder, "chosen.json"))
    results.send("chosen.json")
    console.print(_table(choices))
    return {name: choice.factor for name, choice in choices.items()}


def _trial(job: Job, factor: float, epochs: int) -> Job:
    """Fitted on train and scored on val, whatever the run itself is fitted and scored on."""
    spec = job.spec.training.model_copy(update={"rate_factor": factor, "epochs": epochs, "fit_on": "train"})
    results = results_at(rates_folder(job.remote or job.out))
    return replace(job, spec=spec, split="val", out=results.folder, remote=results.remote, controls=False,
                   protocol=protocol("accuracy", accuracy_view=job.protocol.accuracy_view))


def _outcomes(trial: Job) -> dict[str, float | None]:
    """Accuracy of every trial beside this one that ended, by run id; None for one that failed."""
    Results(trial.out, trial.remote).fetch("rows")
    frame, _ = Store(trial.out).read()
    rows = frame[frame.status.isin(_ENDED) & frame.protocol_id.isin([trial.protocol.id, ""])]
    return {row.run_id: row.value if row.status == "done" else None for row in rows.itertuples()}


def _forget_weights(trials: Sequence[Job]) -> None:
    """A trial's score stays, its weights are of no use: a run begins anew with the rate that was chosen."""
    from .results.run_folders import run_folder
    from .training.checkpoint import clear_checkpoints

    for job in trials:
        clear_checkpoints(run_folder(job.out, job.run_id) / "checkpoints")


def _keep(choices: dict[str, Choice], file: Path) -> None:
    """Add what was chosen to the file, by method and first trial."""
    known = _read(file)
    told = known | {f"{name} {next(iter(choice.trials.values())).run_id}": _record(choice)
                    for name, choice in choices.items()}
    if told != known:
        write_whole(file, json.dumps(told, indent=1).encode())


def _read(file: Path) -> dict[str, Any]:
    """What the file says; nothing where it is torn, for the rows say it all again."""
    try:
        known = parsed(file.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _record(choice: Choice) -> dict[str, Any]:
    spec = next(iter(choice.trials.values())).spec
    return {"dataset": spec.dataset, "backbone": spec.backbone, "image_size": spec.image_size, "epochs": spec.epochs,
            "seed": spec.seed, "factor": choice.factor,
            "trials": [{"factor": factor, "run_id": job.run_id, "accuracy": choice.accuracy.get(factor)}
                       for factor, job in choice.trials.items()]}


def _table(choices: dict[str, Choice]) -> Table:
    factors = next(iter(choices.values())).trials
    table = Table("accuracy on val", *(f"rates x {factor:g}" for factor in factors), "chosen", box=None)
    for name, choice in choices.items():
        scored = [choice.accuracy.get(factor) for factor in factors]
        table.add_row(name, *("failed" if accuracy is None else f"{accuracy:.1%}" for accuracy in scored),
                      "none" if choice.factor is None else f"x {choice.factor:g}")
    return table
