"""Training with stored views against training without: epochs by turns, as ``prefix_store.py`` makes them."""

import os
import shutil
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from prefix_store import KINDS, epoch, job_of

from partbench.harness.prefix.choice import store_folder

from .row import Row

_TRIALS, _EPOCHS, _VIEWS = 20, 11, 8  # of a search; of synthetic_birds' preset, whose views are eight


def rows(quick: bool, threads: int) -> Iterator[Row]:
    arguments = Namespace(dataset="synthetic_birds", data=None, backbone="vit_birds_patch8_96", weights=None,
                          image_size=96, threads=threads)
    for method in ("ivpt",) if quick else ("ivpt", "protopnet", "linear_probe"):
        took: dict[str, list[float]] = {kind: [] for kind in KINDS}
        with tempfile.TemporaryDirectory() as folder:
            os.environ["PARTBENCH_CACHE"] = folder
            jobs = {kind: job_of(method, arguments, Path(folder) / "results", kind) for kind in KINDS}
            for _ in range(3 if quick else 5):
                shutil.rmtree(store_folder(), ignore_errors=True)
                for kind in KINDS:
                    shutil.rmtree(Path(folder) / "results", ignore_errors=True)
                    took[kind].append(epoch(jobs[kind], Path(folder))[0])
        for kind in ("cold", "warm"):
            yield Row.of(f"{method}, an epoch with a {kind} store, of one without",
                         [one / without for one, without in zip(took[kind], took["no store"], strict=True)], "share")
        searches = [_TRIALS * _EPOCHS * without / (_VIEWS * cold + (_TRIALS * _EPOCHS - _VIEWS) * warm)
                    for without, cold, warm in zip(*(took[kind] for kind in KINDS), strict=True)]
        yield Row.of(f"{method}, {_TRIALS} trials of {_EPOCHS} epochs without, over with the store", searches, "times")
