"""Files of text that partbench writes beside the rows: JSON, CSV, journals of searches."""

import csv
import io
import json
from pathlib import Path

from ...durable import read_plain
from .finding import Finding, Kind, relative

_MOST = 256 * 2**20  # bytes of a text that is read


def check_document(file: Path, out: Path, cost: str) -> Finding | None:
    """What is wrong with one file, by the ending of its name; None where nothing is."""
    test = next((test for ending, test in _TESTS.items() if file.name.endswith(ending)), None)
    kind: Kind = "torn"
    try:
        content = read_plain(file, _MOST)
        what = test(content) if test else ""
    except FileNotFoundError:
        return None  # removed since the listing
    except OSError as error:
        kind = "link" if file.is_symlink() else "unreadable" if file.is_file() else "foreign"
        what = error.strerror or str(error)
    return Finding(kind, (relative(file, out),), what, cost) if what else None


def _json(content: bytes) -> str:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        return f"no JSON ({' '.join(str(error).split())[:100]})"
    return "" if isinstance(told, dict | list) else "JSON of something else"


def _losses(content: bytes) -> str:
    try:
        rows = csv.DictReader(io.StringIO(content.decode()))
        if not content.endswith(b"\n") or not {"epoch", "term", "loss"} <= {*(rows.fieldnames or ())}:
            return "no table of losses, or cut short"
        for row in rows:
            int(row["epoch"]), float(row["loss"]), row["term"].strip()
    except (ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        return f"no table of losses ({type(error).__name__}: {error})"
    return ""


def _journal(content: bytes) -> str:
    """A last line without an end was cut by a kill, and the search mends that itself."""
    lines = content[:content.rfind(b"\n") + 1].splitlines()
    for number, line in enumerate(lines, 1):
        try:
            sound = "op_code" in json.loads(line)
        except (ValueError, TypeError, RecursionError):
            sound = False
        if not sound:
            return f"line {number} is no record of a journal"
    return "" if lines else "no line of a journal"


_TESTS = {"losses.csv": _losses, ".json": _json, ".log": _journal}
