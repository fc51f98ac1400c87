"""Whole commands: training, explanations, scores and the report."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from .commands import harness
from .row import Row

_SMALL = ("--set", "synthetic_birds.classes=4", "--epochs", 2, "--fidelity-images", 8)


def rows(quick: bool, threads: int) -> Iterator[Row]:
    flags = _SMALL if quick else ()
    told = ", 4 classes, 2 epochs" if quick else ""
    with tempfile.TemporaryDirectory() as folder:
        cache = {"PARTBENCH_CACHE": str(Path(folder) / "cache")}
        for name in ("ivpt", "ivpt", "prompt_cam", "ivpt,prompt_cam"):
            cold = name == "ivpt" and not (Path(folder) / "ivpt").exists()
            out = Path(folder) / (name if cold else f"{name}-warm")
            took = harness("run", "--methods", name, "--dataset", "synthetic_birds", *flags, "--out", out,
                           environment=cache)
            views = "" if name == "prompt_cam" else ", no view stored yet" if cold else ", IVPT's views stored"
            yield Row(f"harness run --methods {name}{told}{views}", took / 60, "minutes")
