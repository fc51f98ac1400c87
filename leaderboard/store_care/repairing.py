"""Mending a folder of results: what is broken is moved aside, never deleted, and the rest is put in order."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...durable import mendable, sweep
from ..store import ROWS, Store
from .checking import ASIDE, RATES, check_results, results_folder
from .finding import Finding, Progress


@dataclass(frozen=True)
class Repaired:
    """What a repair did.

    Attributes:
        moved: what was moved aside.
        removed: temporary files of dead processes.
        left: damage that it could do nothing about.
    """

    moved: list[Finding]
    removed: list[Path]
    left: list[Finding]


def repair_results(out: str | os.PathLike, progress: Progress = lambda what, done, total: None) -> Repaired:
    """Move what is torn or foreign to ``aside/``, remove what dead processes left, and build the leaderboard again.

    Doing it twice changes nothing more. Killed in the middle, the next one finishes.

    Raises:
        UserError: there are no results, or the folder cannot be written.
    """
    folder = results_folder(out)
    root = Path(folder.root)
    findings = check_results(out, progress)
    moved = [finding for finding in findings if finding.is_moved]
    for finding in moved:
        for file in finding.files:
            _move_aside(root, file)
    removed = sweep(root)
    for results in (root, root / RATES):
        if (results / ROWS).is_dir():
            Store(results).build()
    return Repaired(moved, removed, [finding for finding in findings if finding.is_damage and not finding.is_moved])


def _move_aside(root: Path, name: str) -> None:
    """To the same place below ``aside/``; with a number where there is something already."""
    with mendable(root / ASIDE):
        number, to = 1, root / ASIDE / name
        to.parent.mkdir(parents=True, exist_ok=True)
        while os.path.lexists(to):
            number += 1
            to = (root / ASIDE / name).with_name(f"{Path(name).name}.{number}")
        with suppress(FileNotFoundError):  # another repair was faster
            os.rename(root / name, to)
