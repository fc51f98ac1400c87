"""A training step of every method, by ``step_cost.py``, one process for each row."""

import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

import step_cost

from partbench.harness.prefix.choice import LIMIT, views_to_store

from .row import Row

_FEW = ("ivpt", "prompt_cam", "protopnet", "linear_probe")
_DEFAULTS = {"backbone": "deit_tiny_patch16_224", "image-size": 224, "batch-size": 16, "epochs": 25,
             "precision": "fp32"}


def rows(quick: bool, threads: int) -> Iterator[Row]:
    for classes in (40,) if quick else (40, 200):
        flags = {**_DEFAULTS, "classes": classes, "threads": threads, "rounds": 5 if quick else 9}
        yield from measured(_FEW if quick else tuple(step_cost.trained_names()), flags, f"{classes} classes")


def measured(names: Sequence[str], flags: dict[str, str | int], told: str) -> Iterator[Row]:
    """Forwards, images a second and memory of each stage of each method; one that fails says so, and the next goes on.

    Args:
        flags: of ``step_cost.py``.
        told: what is common to these rows.
    """
    given = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    arguments = Namespace(**{name.replace("-", "_"): value for name, value in flags.items()})
    for name in names:
        method = step_cost.built(name, arguments)
        views = views_to_store(method.card.prefix(method.settings), arguments.backbone, arguments.image_size,
                               step_cost.IMAGES, LIMIT)
        for number, (stage, _) in step_cost.distinct_stages(method, arguments.epochs).items():
            for way in step_cost.ways(method, number, bool(views)):
                what = f"{name}, {stage}{step_cost.TOLD[way]}, {told}"
                command = [sys.executable, str(Path(step_cost.__file__)), *given, "--row", name, str(number), way]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    yield Row(what, note=f"failed: {(done.stderr.strip().splitlines() or ['killed'])[-1]}")
                    continue
                found = json.loads(done.stdout)
                yield Row(what, found["forwards"], "forwards", found["low"], found["high"])
                yield Row(what, found["rate"], "images/s")
                yield Row(what, found["memory"], "MiB")
