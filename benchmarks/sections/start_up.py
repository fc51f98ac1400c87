"""Start-up: help, lists, the import, and the first training step."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from generated_results import generate

from .commands import first_step, harness, seconds
from .row import Row

_RUN = ("--methods", "ivpt", "--dataset", "synthetic_birds", "--epochs", 1)


def rows(quick: bool, threads: int) -> Iterator[Row]:
    rounds = 3 if quick else 7
    for code in ("pass", "import typer, rich, pydantic", "import partbench", "import torch"):
        yield _timed(f'python -c "{code}"', rounds, lambda code=code: seconds([sys.executable, "-c", code]))
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        generate(results, *(4, 2, 2) if quick else (10, 2, 3))
        for words in (["--help"], ["run", "--help"], ["list", "methods"], ["list", "runs", "--out", results]):
            told = " ".join(map(str, words)).replace(str(results), "RESULTS")
            yield _timed(f"harness {told}", rounds, lambda words=words: harness(*words))
        for told, flags in (("in-process", ["--in-process"]), ("through Ray", [])):
            fresh = count()

            def start(flags: list[str] = flags, told: str = told, fresh: Iterator[int] = fresh) -> float:
                return first_step(*_RUN, *flags, "--out", Path(folder) / f"{told}-{next(fresh)}",
                                  log=Path(folder) / "log", environment={"PARTBENCH_CACHE": f"{folder}/cache"})

            yield _timed(f"harness run, to the first step, {told}", max(2, rounds // 2), start)


def _timed(what: str, rounds: int, work: Callable[[], float]) -> Row:
    work()  # writes bytecode and fills the disk's cache
    return Row.of(what, [work() for _ in range(rounds)], "s")
