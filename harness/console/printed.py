"""The leaderboard as it was last printed: the same command again, when there is nothing new, need not work it out."""

import hashlib
import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from ...durable import read_plain, write_whole
from ...leaderboard import ClassSums, Store, leaderboard_table
from ...leaderboard.names import digest

FILE = "printed.json"
_LARGEST = 10_000_000  # bytes; a table is a few screens
_HARMLESS = re.compile(r"(?:[^\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\x1b\[[0-9;]*m)*")
"""Text that does nothing to a terminal but colour it: the file may be anybody's."""


def print_leaderboard(out: str, console: Console, warnings: Console) -> None:
    """Print the leaderboard of a local folder, and a line for each file of rows that was skipped.

    What is printed is kept in ``printed.json``, which is safe to delete.

    Raises:
        UserError: there are no results, or the folder cannot be written.
    """
    store, file = Store(out), Path(out) / FILE
    shown_of = _digest(store, console)
    told = _kept(file, shown_of)
    if told is None:
        frame, problems = store.current()
        with console.capture() as captured:
            console.print(leaderboard_table(frame, console.width, sums=ClassSums(store)))
        told = {"of": shown_of, "table": captured.get(), "problems": problems}
        write_whole(file, json.dumps(told).encode(), sync=False)
    for problem in told["problems"]:
        warnings.print(f"warning: {problem}", markup=False, soft_wrap=True)
    console.file.write(told["table"])


def _digest(store: Store, console: Console) -> str:
    """Changes with whatever the table depends on: rows, items, this program, and the width and colours of a screen."""
    about = [digest(store.folder.list("rows")), digest(store.folder.list("items")), version("partbench"),
             console.width, console.color_system, console.is_terminal]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def _kept(file: Path, shown_of: str) -> dict[str, Any] | None:
    """What the file says; None where it is missing, torn, of another table, or not ours."""
    try:
        told = json.loads(read_plain(file, _LARGEST))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("of") != shown_of:
        return None
    texts = [told.get("table"), *(told["problems"] if isinstance(told.get("problems"), list) else [None])]
    return told if all(isinstance(text, str) and _HARMLESS.fullmatch(text) for text in texts) else None
