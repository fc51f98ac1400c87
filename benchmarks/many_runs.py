"""What a thousand instant runs cost the process that hands them out: processor time a run, and memory.

    python benchmarks/many_runs.py [--runs 1000]

A linear probe trains for one epoch on a few drawn birds, under as many seeds as there are runs, in Ray's workers. The
driver's processor time and memory are read from /proc after a tenth of the runs and after the last one, so that neither
the machine's other work nor the start counts; then the same command is given again, which finds everything finished.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HARNESS = [sys.executable, "-c", "from partbench.harness.cli import main; main()", "run"]
PLAN = {"methods": "linear_probe", "dataset": "synthetic_birds", "backbone": "vit_tiny_patch16_224",
        "weights": "random", "image-size": 32, "protocol": "accuracy", "epochs": 1, "batch-size": 16}
BIRDS = {"classes": 2, "train_images": 4, "test_images": 2, "size": 32}
_TICK = 0.2


@dataclass(frozen=True)
class Spent:
    """What the driver took so far: finished runs, processor seconds, MiB of memory."""

    runs: int
    seconds: float
    memory: float


def spent(driver: int, out: Path) -> Spent:
    """Read off /proc, children not counted."""
    fields = Path(f"/proc/{driver}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{driver}/statm").read_text().split()[1])
    return Spent(sum(1 for _ in os.scandir(out / "rows")) if (out / "rows").exists() else 0,
                 (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
                 pages * resource.getpagesize() / 2**20)


def command(out: Path, runs: int) -> list[str]:
    words = [word for name, value in PLAN.items() for word in (f"--{name}", value)]
    words += [word for name, value in BIRDS.items() for word in ("--set", f"synthetic_birds.{name}={value}")]
    return [*HARNESS, *map(str, [*words, "--seeds", ",".join(map(str, range(runs))), "--out", out])]


def first(out: Path, runs: int) -> None:
    """Do every run, and print what that cost the driver."""
    since = time.monotonic()
    with open(out.with_suffix(".txt"), "w") as said:
        driver = subprocess.Popen(command(out, runs), stdout=said, stderr=subprocess.STDOUT)
    warm = last = None
    while driver.poll() is None:
        now = spent(driver.pid, out)
        if warm is None and now.runs >= runs / 10:
            warm = now
        last = now if now.runs < runs or last is None or last.runs < runs else last  # what follows is the report
        time.sleep(_TICK)
    if driver.returncode:
        sys.exit(f"harness run ended with {driver.returncode}; see {out.with_suffix('.txt')}")
    print(f"{runs} runs in {time.monotonic() - since:.0f} s, at the driver after the first {warm.runs}:")
    print(f"  {(last.seconds - warm.seconds) / (last.runs - warm.runs):.4f} s of processor time a run")
    print(f"  {warm.memory:.0f} MiB of memory, and {last.memory:.0f} at the end")


def again(out: Path, runs: int) -> None:
    """Give the command again, and print what it took to see that all is finished."""
    since = time.monotonic()
    subprocess.run(command(out, runs), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    print(f"the same command again: {time.monotonic() - since:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        first(Path(folder) / "out", asked.runs)
        again(Path(folder) / "out", asked.runs)


if __name__ == "__main__":
    main()
