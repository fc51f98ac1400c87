"""A check of a folder of results: every file in it is read, and nothing is written."""

import os
from collections.abc import Iterator
from pathlib import Path

from ...durable import leftovers
from ...errors import UserError
from ..files import Folder
from ..store import BOARD, ITEMS, ROWS
from .documents import check_document
from .finding import Finding, Progress, relative
from .row_files import check_rows
from .run_files import check_runs

ASIDE = "aside"
"""Where a repair puts what it takes out of the way; nobody reads it."""
RATES = "rates"
"""Trials of learning rates: a folder of results inside a folder of results."""
_COSTS = {"sweeps": "the search of that method begins anew; finished runs are not done twice",
          "audit": "harness audit makes it again", "leases": "none where no command is at work",
          RATES: "it is written again by the next command"}


def check_results(out: str | os.PathLike, progress: Progress = lambda what, done, total: None) -> list[Finding]:
    """Everything that is wrong in a folder of results, and what is worth knowing; empty where there is nothing.

    Raises:
        UserError: there are no results.
    """
    folder = results_folder(out)
    return [*_findings(folder, progress), *(Finding("left over", (relative(file, Path(folder.root)),),
            "a temporary file of a process that is no more") for file in sorted(leftovers(Path(folder.root))))]


def results_folder(out: str | os.PathLike) -> Folder:
    """The folder of results at a path.

    Raises:
        UserError: there is none, or it is elsewhere than on a disk.
    """
    folder = Folder(out)
    if not folder.local:
        raise UserError(f"{folder.url} is no folder on a disk; copy it to one")
    if not any(folder.exists(name) for name in (ROWS, ITEMS, BOARD, "runs")):
        raise UserError(f"no results in '{folder.url}' (no folder {ROWS}/); give the --out of a run")
    return folder


def _findings(folder: Folder, progress: Progress) -> Iterator[Finding]:
    out = Path(folder.root)
    yield from check_rows(folder, progress)
    yield from check_runs(folder, progress)
    for where, cost in _COSTS.items():
        pattern = "*/*" if where == "sweeps" else "*"
        for file in sorted((out / where).glob(pattern)):
            if file.name.endswith((".json", ".log")) and (finding := check_document(file, out, cost)):
                yield finding
    if (out / RATES / ROWS).is_dir():
        for finding in _findings(Folder(out / RATES), lambda what, done, total: progress(f"{RATES}: {what}", done,
                                                                                         total)):
            files = tuple(f"{RATES}/{file}" for file in finding.files)
            yield Finding(finding.kind, files, finding.what, finding.cost)
