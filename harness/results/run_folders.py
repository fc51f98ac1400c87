"""The folder of each run, ``runs/<run_id>``: spec, log, checkpoints, explanations."""

from pathlib import Path

from ...errors import UserError
from ...links import inside


def run_folder(out: str, run_id: str) -> Path:
    """The run's own folder.

    Raises:
        UserError: it is a link that leads out of the results.
    """
    return inside(out, "runs", run_id)


def find_run(run: str, out: str) -> Path | None:
    """The folder of the one run whose id begins with ``run``; None where there is none.

    Raises:
        UserError: several do, or it is a link that leads out of the results.
    """
    runs = Path(out) / "runs"
    found = [folder for folder in runs.iterdir() if folder.name.startswith(run)] if runs.is_dir() and run else []
    if len(found) > 1:
        raise UserError(f"{len(found)} runs begin with '{run}'; give more digits, see: harness list runs --out {out}")
    return run_folder(out, found[0].name) if found else None


def known_run(run: str, out: str) -> Path:
    """As :func:`find_run`.

    Raises:
        UserError: there is none.
    """
    folder = find_run(run, out)
    if folder is None:
        raise UserError(f"no run '{run}' in {out}; see: harness list runs --out {out}")
    return folder
