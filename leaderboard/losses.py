"""How the loss terms of a run went down, epoch by epoch: from ``runs/<run_id>/losses.csv``, or its log."""

import csv
import io
import re
from math import isfinite

from .files import Folder

TOTAL = "total"
_LOGGED = re.compile(r"INFO stage (.+) epoch (\d+) of \d+: loss (\S+)$", re.MULTILINE)
Losses = dict[str, list[tuple[int, float]]]
"""By term, (epoch from 1, mean over its steps) in the order of epochs; the total is a term."""


def read_losses(folder: Folder, run_id: str) -> Losses:
    """What a run tells of its losses; nothing where it tells nothing, or not in numbers.

    Runs of versions without the file logged the total alone; an epoch that an interruption repeated counts once.
    """
    rows = _rows(_text(folder, run_id, "losses.csv"))
    if not rows:
        logged = {(stage, epoch): loss for stage, epoch, loss in _LOGGED.findall(_text(folder, run_id, "log.txt"))}
        rows = [(TOTAL, epoch, loss) for epoch, loss in enumerate(logged.values(), 1)]
    found: Losses = {}
    for term, epoch, loss in rows:
        point = _point(epoch, loss)
        if term and point:
            found.setdefault(term, []).append(point)
    return found


def _rows(text: str) -> list[tuple[str | None, str | None, str | None]]:
    """(term, epoch, loss) of a CSV; none where it is none."""
    try:
        return [(row.get("term"), row.get("epoch"), row.get("loss")) for row in csv.DictReader(io.StringIO(text))]
    except csv.Error:
        return []


def _point(epoch: object, loss: object) -> tuple[int, float] | None:
    try:
        point = int(epoch), float(loss)
    except (TypeError, ValueError):
        return None
    return point if isfinite(point[1]) else None


def _text(folder: Folder, run_id: str, name: str) -> str:
    try:
        return folder.read(folder.path("runs", run_id, name)).decode(errors="replace")
    except OSError:
        return ""
