"""The command line as a program: started, timed, and ended."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

HARNESS = (sys.executable, "-c", "from partbench.harness.cli import main; main()")


def seconds(command: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """How long a command takes; what it prints is thrown away.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {' '.join(done.stderr.split())[-300:]}")
    return time.perf_counter() - started


def harness(*words: object, environment: Mapping[str, str] | None = None) -> float:
    """How long ``harness WORDS`` takes."""
    return seconds([*HARNESS, *map(str, words)], environment)


def first_step(*words: object, log: Path, environment: Mapping[str, str] | None = None) -> float:
    """Seconds from the start of ``harness run WORDS`` to the first event of a training epoch; it is stopped then.

    Raises:
        RuntimeError: it ended before.
    """
    started = time.perf_counter()
    with open(log, "w") as said, subprocess.Popen([*HARNESS, "run", *map(str, words), "--json"], text=True, stderr=said,
                                                  stdout=subprocess.PIPE,
                                                  env={**os.environ, **(environment or {})}) as process:
        try:
            for line in process.stdout:
                told = json.loads(line)
                if told["event"] == "progress" and told["epoch"]:  # what is stored before belongs to no epoch
                    return time.perf_counter() - started
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.read()
    raise RuntimeError(f"no step was made: {' '.join(log.read_text().split())[-300:]}")
