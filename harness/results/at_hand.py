"""What a command needs of results at a URL, brought to this machine's copy before it reads."""

from ...leaderboard import Store
from .place import Results, results_as_given

_CHECKPOINTS = "/checkpoints/"
_STORE = ("runs", "items", "sweeps", "audit", "rates")  # and rows


def rows_at_hand(out: str) -> Results:
    """With every row.

    Raises:
        UserError: the URL cannot be read.
    """
    results = results_as_given(out)
    results.fetch("rows")
    return results


def run_at_hand(out: str, run: str, checkpoints: bool = False) -> Results:
    """With every row, and what is kept of the runs whose id begins with ``run``.

    Raises:
        UserError: the URL cannot be read.
    """
    results = rows_at_hand(out)
    if run and results.remote:
        results.fetch("runs", "items", wanted=lambda name: name.split("/")[1].startswith(run) and (
            checkpoints or _CHECKPOINTS not in name))
    return results


def all_at_hand(out: str) -> Results:
    """With all that pages are drawn from.

    Raises:
        UserError: the URL cannot be read.
    """
    results = rows_at_hand(out)
    results.fetch("runs", "items", "sweeps", "audit", "report", wanted=lambda name: _CHECKPOINTS not in name)
    return results


def files_at_hand(out: str) -> Results:
    """With every file that a store is made of, checkpoints too.

    Raises:
        UserError: the URL cannot be read.
    """
    results = rows_at_hand(out)
    results.fetch(*_STORE)
    return results


def send_files(results: Results) -> None:
    """Send every file that a store is made of, rows last, and the leaderboard.

    Raises:
        UserError: the URL cannot be written.
    """
    results.send(*_STORE, "rows", "leaderboard.parquet")


def send_scores(results: Results) -> None:
    """Send rows that a command wrote, and the leaderboard built from all.

    Raises:
        UserError: the URL cannot be written.
    """
    if results.remote:
        results.send_finished()
        Store(results.folder).build()
        results.send("leaderboard.parquet")
