"""The folder of each run, ``runs/<run_id>``: spec, log, checkpoints, explanations."""

from pathlib import Path

from ..errors import UserError


def run_folder(out: str, run_id: str) -> Path:
    """The run's own folder."""
    return Path(out) / "runs" / run_id


def find_run(run: str, out: str) -> Path | None:
    """The folder of the one run whose id begins with ``run``; None where there is none.

    Raises:
        UserError: several do.
    """
    runs = Path(out) / "runs"
    found = [folder for folder in runs.iterdir() if folder.name.startswith(run)] if runs.is_dir() and run else []
    if len(found) > 1:
        raise UserError(f"{len(found)} runs begin with '{run}'; give more digits, see: harness list runs --out {out}")
    return found[0] if found else None


def known_run(run: str, out: str) -> Path:
    """As :func:`find_run`.

    Raises:
        UserError: there is none.
    """
    folder = find_run(run, out)
    if folder is None:
        raise UserError(f"no run '{run}' in {out}; see: harness list runs --out {out}")
    return folder
