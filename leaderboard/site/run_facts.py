"""Every run of a leaderboard in a few hundred bytes: columns of numbers and of places in one table of texts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..board import CONTROL
from ..files import Folder
from ..names import is_plain
from ..rows import SCORED
from ..text import printable
from .run_commands import run_commands

if TYPE_CHECKING:
    import pandas

_TEXTS = ("method", "dataset", "backbone", "status", "error", "preset", "fit_on", "weights", "dataset_fingerprint",
          "settings", "versions", "revision", "device", "hardware", "scored", "note", "config", "log")
_WHOLE = ("seed", "epochs", "image_size", "method_version", "threads", "trainable_parameters", "total_parameters")
_TENTHS = ("train_seconds", "explain_seconds", "score_seconds", "peak_memory_mb")
_TIMES = ("started_at", "finished_at")
_LENGTH = 2_000  # of a text from a row
_LOG_LINES, _LOG_LENGTH, _LOGS = 20, 400, 200  # of the end of a log; runs whose log is shown


def run_facts(frame: "pandas.DataFrame", results: Folder) -> dict[str, Any]:
    """What the page's script draws runs from, ready for JSON; newest first. At least one run.

    ``columns`` holds one value per run, or one for all of them where they agree. Those named in ``texts`` are places in
    ``strings``. A command is a list of such places, and of pieces that no other run has. Its settings are not said
    twice: ``settings`` is empty beside it. Times are seconds since 1970, memory is in MiB.
    """
    runs = _runs(frame)
    strings = _Strings()
    columns: dict[str, list] = {"id": runs["run_id"].tolist(), "control": (runs["method"] == CONTROL).tolist()}
    again = run_commands(runs, results)
    shown = runs.assign(method=runs["name"], note=[one.note for one in again], config=[one.config for one in again],
                        log=_logs(runs, results), settings=runs["settings"].mask([one.done for one in again], ""))
    for name in _TEXTS:
        columns[name] = [strings.place(value if name == "config" else _cut(value)) for value in shown[name]]
    for name in (*_WHOLE, *_TENTHS, *_TIMES):
        columns[name] = _numbers(runs[name], name)
    columns["command"] = [[strings.place(piece) if shared else piece for piece, shared in one.pieces] for one in again]
    return {"runs": len(runs), "texts": _TEXTS, "strings": strings.all,
            "columns": {name: _told_once(values) for name, values in columns.items()}}


def _runs(frame: "pandas.DataFrame") -> "pandas.DataFrame":
    """One line per run: facts of its first score, or of its last attempt where it has none."""
    frame = frame.assign(lost=~frame["status"].isin(SCORED))
    ordered = frame.sort_values(["lost", "finished_at"], kind="stable")
    runs = ordered.drop_duplicates("run_id").set_index("run_id", drop=False).rename_axis(None)
    errors = frame[frame["lost"] & (frame["error"] != "")].drop_duplicates("run_id", keep="last")
    scored = _scored(frame)
    runs = runs.assign(
        name=runs["method"] + ("@" + runs["variant"]).where(runs["variant"] != "", ""),
        status=runs["status"].where(runs["lost"], "done"),
        error=errors.set_index("run_id")["error"].reindex(runs.index).fillna(""),
        scored=[scored.get(run_id, "") for run_id in runs["run_id"]])
    return runs.sort_values(["finished_at", "run_id"], ascending=[False, True], na_position="last")


def _scored(frame: "pandas.DataFrame") -> dict[str, str]:
    """Under which protocols each run was scored, on which split, and in which search."""
    keys = ["run_id", "protocol", "protocol_id", "split", "sweep"]
    places = frame.loc[~frame["lost"], keys].drop_duplicates()
    said: dict[str, list[str]] = {}
    for run_id, protocol, id_, split, sweep in places.itertuples(index=False, name=None):
        of = f", search {sweep}" if sweep else ""
        said.setdefault(run_id, []).append(f"{protocol or 'unknown'} ({id_}), {split}{of}")
    return {run_id: "; ".join(each) for run_id, each in said.items()}


def _numbers(column: "pandas.Series", name: str) -> list:
    """None where it is not known."""
    if name in _TIMES:
        column = (column - datetime.fromtimestamp(0, UTC)).dt.total_seconds()
    digits = 1 if name in _TENTHS else 0
    missing = column.isna()
    return [None if lost else round(float(value), 1) if digits else int(value)
            for value, lost in zip(column, missing, strict=True)]


def _logs(runs: "pandas.DataFrame", results: Folder) -> list[str]:
    """The end of the log of runs that failed; of the newest, where they are many."""
    lost, told = 0, []
    for run_id, failed in zip(runs["run_id"], runs["error"] != "", strict=True):
        lost += failed
        told.append(_log(results, run_id) if failed and lost <= _LOGS else "")
    return told


def _log(results: Folder, run_id: str) -> str:
    if not is_plain(run_id):
        return ""
    try:
        lines = results.read(results.path("runs", run_id, "log.txt")).decode("utf-8", "replace").splitlines()
    except (OSError, ValueError):
        return ""
    return "\n".join(printable(line, _LOG_LENGTH) for line in lines[-_LOG_LINES:])


def _cut(text: str) -> str:
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH - 1]}…"


class _Strings:
    """Texts, each once."""

    def __init__(self):
        self.all: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        if text not in self._places:
            self._places[text] = len(self.all)
            self.all.append(text)
        return self._places[text]


def _told_once(values: Sequence) -> Any:
    """One value where all agree."""
    return values[0] if values and all(value == values[0] for value in values) and not isinstance(
        values[0], list) else values
