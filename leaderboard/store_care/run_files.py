"""The folder of each run: what it was asked for, its losses, its checkpoints, its explanations."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from ...durable import read_plain
from ..explanations import Unusable, read
from ..files import Folder
from ..names import is_plain
from .documents import check_document
from .finding import Finding, Progress, relative

_MOST_STATE = 64 * 2**20  # bytes of a checkpoint's JSON
_TEXTS = {"spec.json": "`harness show` and `harness explain` do not know the run before its command with --force",
          "losses.csv": "its losses are not drawn", "log.txt": "its log is lost"}


def check_runs(folder: Folder, progress: Progress) -> Iterator[Finding]:
    """Every folder of runs/."""
    out = Path(folder.root)
    runs = sorted((out / "runs").iterdir()) if (out / "runs").is_dir() else []
    for done, run in enumerate(runs, 1):
        if run.is_symlink():
            yield Finding("link", (relative(run, out),), "a link in the place of a run's folder",
                          "what the link leads to stays where it is")
        elif run.is_dir() and is_plain(run.name):
            yield from _run(folder, run, out)
        elif not run.name.startswith("."):
            yield Finding("foreign", (relative(run, out),), "no folder of a run")
        progress("runs", done, len(runs))


def _run(folder: Folder, run: Path, out: Path) -> Iterator[Finding]:
    for name, cost in _TEXTS.items():
        if finding := check_document(run / name, out, f"run {run.name}: {cost}"):
            yield finding
    try:
        read(folder, run.name)
    except Unusable as error:
        files = tuple(relative(file, out) for file in sorted(run.glob("explanations.*")))
        yield Finding("torn", files, str(error), f"run {run.name} is not in the gallery")
    checkpoints = run / "checkpoints"
    if checkpoints.is_symlink():
        yield Finding("link", (relative(checkpoints, out),), "a link in the place of checkpoints",
                      f"training of run {run.name} begins anew")
        return
    for state in sorted(checkpoints.glob("epoch-*.json")):
        if what := _checkpoint(state):
            files = [file for file in (state, state.with_suffix(".safetensors")) if file.is_symlink() or file.exists()]
            yield Finding("torn", tuple(relative(file, out) for file in files), what,
                          f"training of run {run.name} goes on from an earlier checkpoint, or begins anew")


def _checkpoint(state: Path) -> str:
    """What is wrong with a checkpoint, as far as that can be told without torch; empty where nothing is."""
    try:
        told = json.loads(read_plain(state, _MOST_STATE))
        if "checksum" in told and told.pop("checksum") != hashlib.sha256(
                json.dumps(told, sort_keys=True).encode()).hexdigest():
            return "its JSON does not match its checksum"
        tensors = read_plain(state.with_suffix(".safetensors"))
        return "" if hashlib.sha256(tensors).hexdigest() == told["sha256"] else "its tensors do not match their digest"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return " ".join(str(error).split())[:150] or type(error).__name__
