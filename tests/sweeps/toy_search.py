"""A search whose trials take a moment: IVPT's space, and two formulas for what training would come to."""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from math import exp, log10
from pathlib import Path
from typing import Any

from partbench.methods.catalogue import registry
from partbench.sweeps import Objective, Rungs, Search, SearchPlan, Space, TrialOutcome, carry_out, sole_writer

EPOCHS = 6
HALVING, DEEP = Rungs((2, 6), 3), Rungs((1, 2, 6), 3)
BOTH = (Objective("accuracy", True, 0.0), Objective("consistency_gain", True, 0.0))
PAPER = registry.get("ivpt").resolve("", {}).model_dump(mode="json")


def plan(objectives: tuple[Objective, ...] = BOTH, narrowed: Mapping[str, Any] | None = None,
         rungs: Rungs | None = None, **changes: Any) -> SearchPlan:
    """A search of 12 trials of 6 epochs without halving, unless changed."""
    space = Space.of("ivpt", "", registry.get("ivpt").tunables, PAPER, narrowed or {})
    given = {"name": "toy", "method": "ivpt", "dataset": "none", "backbone": "none", "image_size": 224, "amount": 12,
             "unit": "trials", "sampler": "tpe", "seed": 0, **changes}
    return SearchPlan(objectives=objectives, space=space, paper=PAPER, rungs=rungs or Rungs((EPOCHS,), 3), **given)


def values(settings: Mapping[str, Any], until: int) -> dict[str, float]:
    """Accuracy wants many prototypes and a high rate, gain few of them and a strong consistency; both want training."""
    counts, trained = settings["prototypes"], (until / EPOCHS) ** 0.3
    rate = exp(-(log10(settings["prototype_rate"]) + 2.5) ** 2 / 2)
    strength = exp(-(log10(settings.get("consistency", 1.0)) - 0.5) ** 2 / 2)
    return {"accuracy": trained * rate * (0.5 + 0.5 * sum(counts) / 125),
            "consistency_gain": trained * strength * (1 - counts[-1] / 25) - 0.1}


Train = Callable[[Mapping[str, Any], int], TrialOutcome]


def train(settings: Mapping[str, Any], until: int) -> TrialOutcome:
    """A trial that takes no time and says that it took ten seconds an epoch."""
    return TrialOutcome(run_of(settings), values(settings, until), until, 10.0 * until)


def run_of(settings: Mapping[str, Any]) -> str:
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def at_once(trained: Train = train) -> Callable[[dict, int, str], "Future[TrialOutcome]"]:
    """A submit whose futures are done when it returns."""
    def submit(settings: dict, until: int, split: str) -> "Future[TrialOutcome]":
        assert split == "val"
        answer: Future[TrialOutcome] = Future()
        answer.set_result(trained(settings, until))
        return answer
    return submit


def carried_out(search: Search, trained: Train = train, workers: int = 1) -> Search:
    """Search to the end of the budget."""
    for _ in carry_out([(search, at_once(trained))], workers):
        pass
    return search


def states(search: Search) -> list[str]:
    return [trial.state for trial in search.record.trials]


def failing(*numbers: int, at: int = 0) -> Train:
    """Training that fails for the trials begun in these places, once they are asked to go beyond an epoch."""
    seen: list[str] = []

    def fails_or_trains(settings: Mapping[str, Any], until: int) -> TrialOutcome:
        run = run_of(settings)
        if run not in seen:
            seen.append(run)
        if seen.index(run) in numbers and until > at:
            return TrialOutcome(run, error="diverged\nin epoch 1")
        return train(settings, until)
    return fails_or_trains


class Runs:
    """Runs that keep what they came to: a file for each epoch that a run was scored at. None is scored there twice."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def train(self, settings: Mapping[str, Any], until: int) -> TrialOutcome:
        run = run_of(settings)
        scored = self.folder / f"{run}.{until}"
        if not scored.exists():
            time.sleep(0.05 + 0.05 * int(run[0], 16) / 16)
            scored.open("x").close()
        return train(settings, until)


def main(folder: Path, trials: int, workers: int, halving: bool) -> None:
    """A driver that can be killed, and called again."""
    wanted, runs = plan(amount=trials, rungs=Rungs.of(EPOCHS) if halving else None), Runs(folder / "runs")
    with sole_writer(folder), ThreadPoolExecutor(workers) as pool:
        def submit(settings: dict, until: int, split: str) -> "Future[TrialOutcome]":
            return pool.submit(runs.train, settings, until)

        for _ in carry_out([(Search(wanted, folder / "ivpt.log"), submit)], workers):
            pass
