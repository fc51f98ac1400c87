"""The command under test as a user gives it, and an environment in which the chaos plug-in is installed."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
# A test run in a shell's background inherits an ignored SIGINT, which a program started at a prompt does not have.
HARNESS = [sys.executable, "-c", "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
           "from partbench.harness.cli import main; main()"]
RUNS, EPOCHS, BATCH, STEPS = 4, 4, 6, 12
"""Of a plan, unless told otherwise; three steps an epoch."""


def run(out: Path, *flags: object, methods: str = "chaos", seeds: int = RUNS) -> list[str]:
    """``harness run`` of short runs on drawn birds; later flags win."""
    words = ["run", "--methods", methods, "--dataset", "synthetic_birds", "--backbone", "vit_tiny_patch16_224",
             "--weights", "random", "--image-size", 32, "--protocol", "accuracy", "--epochs", EPOCHS,
             "--batch-size", BATCH, "--seeds", ",".join(map(str, range(seeds))), "--out", out]
    words += [part for name, value in (("classes", 3), ("train_images", 7), ("test_images", 6), ("size", 32))
              for part in ("--set", f"synthetic_birds.{name}={value}")]
    return [*HARNESS, *map(str, [*words, *flags])]


def environment(folder: Path, pause: float = 0.0) -> dict[str, str]:
    """Of a process in which the plug-in is installed as a third party's package would be.

    Args:
        folder: an empty one; gets ``site``, what an installer would write, and ``marks``, where faults leave theirs.
        pause: seconds of sleep in each training step.
    """
    site, marks = folder / "site", folder / "marks"
    about = site / "partbench_chaos-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: partbench-chaos\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[partbench.methods]\nchaos = chaos_card:CHAOS\nchaos_absent = chaos_card:ABSENT\n")
    marks.mkdir(parents=True, exist_ok=True)
    known = os.environ.get("PYTHONPATH", "")
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(HERE / "plugin"), str(site), known))),
                         "PARTBENCH_CHAOS_MARKS": str(marks), "PARTBENCH_CHAOS_PAUSE": str(pause),
                         "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
