"""How good the estimates of `--dry-run` are: each finished run foretold from the others of its folder.

    python benchmarks/estimates.py results [results/rates OTHER ...]

For each folder: how often the true time and memory lie in the range (it says 80 %), how far off the middle is, and how
wide the range, when the run itself is left out, and when every run of its method is.
"""

import argparse
from collections.abc import Sequence
from math import exp, log

import numpy as np

from partbench.harness.foresight.estimate import MEMORY, SPEED, Span
from partbench.harness.foresight.observed import Known, Observation, by_run
from partbench.harness.foresight.regression import Regression
from partbench.leaderboard import Store
from partbench.metrics.protocol import protocol, protocols

Run = Sequence[Observation]
_DRAWS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", help="results of real runs, of complete data sets or parts of them")
    known = Known({}, {rules.id: rules for rules in map(protocol, protocols)})
    print(f"{'folder':<30} {'of':<7} {'left out':<9} {'runs':>5} {'inside':>7} {'off by':>7} {'high/low':>9}")
    for folder in parser.parse_args().folders:
        runs = [run for run in by_run(Store(folder).read()[0], known) if len(run) > 1]
        for what in ("time", "memory"):
            for left_out in ("run", "method"):
                report(folder, what, left_out, runs)


def report(folder: str, what: str, left_out: str, runs: Sequence[Run]) -> None:
    """A line, where there is something to learn from."""
    found = []
    for run in runs:
        method = run[0].place.method
        rest = [other for other in runs if other is not run and (left_out == "run" or other[0].place.method != method)]
        if rest:
            found.append(foretold(what, rest, run))
    if found:
        inside, off, width = zip(*found, strict=True)
        middle, high = (f"x{exp(np.median(factor)):.2f}" for factor in (off, width))
        print(f"{folder[-30:]:<30} {what:<7} {left_out:<9} {len(found):>5} {np.mean(inside):>7.0%} {middle:>7} "
              f"{high:>9}", flush=True)


def foretold(what: str, rest: Sequence[Run], run: Run) -> tuple[bool, float, float]:
    """Whether the truth is in the range; logarithms of how far it is from the middle, and of high over low."""
    def of(run: Run) -> list[Observation]:
        return [one for one in run if (one.place.kind == "memory") == (what == "memory")]

    seen, own = [one for other in rest for one in of(other)], of(run)
    model, scales = (MEMORY, lambda one: 1.0) if what == "memory" else (SPEED, lambda one: one.place.work)
    process = Regression(model, [one.place for one in seen], [log(one.value / scales(one)) for one in seen])
    drawn = np.exp(process.draws([one.place for one in own], _DRAWS, np.random.default_rng(0)))
    span, truth = Span.of((drawn * [scales(one) for one in own]).sum(1)), sum(one.value for one in own)
    return span.low <= truth <= span.high, abs(log(truth / span.middle)), log(span.high / span.low)


if __name__ == "__main__":
    main()
