"""Every run of a leaderboard in a few hundred bytes: columns of numbers and of places in one table of texts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..board import CONTROL
from ..files import Folder
from ..names import is_plain
from ..rows import SCORED
from ..text import printable
from .command import NoCommand, command_of, config_of, spec_of

if TYPE_CHECKING:
    import pandas

_TEXTS = ("method", "dataset", "backbone", "status", "error", "preset", "fit_on", "weights", "dataset_fingerprint",
          "settings", "versions", "revision", "device", "hardware")
_WHOLE = ("seed", "epochs", "image_size", "method_version", "threads", "trainable_parameters", "total_parameters")
_ASKED = ["run_id", "name", "method", "variant", "dataset", "backbone", "weights", "image_size", "seed", "epochs",
          "preset", "fit_on", "settings", "split", "threads", "protocol"]  # columns that a command comes from
_TENTHS = ("train_seconds", "explain_seconds", "score_seconds", "peak_memory_mb")
_TIMES = ("started_at", "finished_at")
_CONTROL = "A control: scored beside runs of this data set that were asked for with --controls."
_WITHOUT_SPEC = ("Its spec.json is not here: batch size, precision, factor on learning rates and options of the data set "
                 "are taken as the defaults.")
_LENGTH = 2_000  # of a text from a row
_LOG_LINES, _LOG_LENGTH, _LOGS = 20, 400, 200  # of the end of a log; runs whose log is shown
_SPEC_BYTES = 100_000


def run_facts(frame: "pandas.DataFrame", results: Folder) -> dict[str, Any]:
    """What the page's script draws runs from, ready for JSON; newest first.

    ``columns`` holds one value per run, or one for all of them where they agree. Those named in ``texts`` are places in
    ``strings``; a command is a list of such places. Times are seconds since 1970, memory is in MiB.
    """
    runs = _runs(frame)
    strings = _Strings()
    columns: dict[str, list] = {"id": runs["run_id"].tolist(), "control": (runs["method"] == CONTROL).tolist()}
    shown = runs.assign(method=runs["name"])
    for name in (*_TEXTS, "scored"):
        columns[name] = [strings.place(value) for value in shown[name]]
    for name in (*_WHOLE, *_TENTHS, *_TIMES):
        columns[name] = _numbers(runs[name], name)
    commands, notes, configs = zip(*_commands(runs, results), strict=True) if len(runs) else ((), (), ())
    columns["command"] = [[strings.place(piece) for piece in pieces] for pieces in commands]
    columns["note"] = [strings.place(note) for note in notes]
    columns["config"] = [strings.place(text) for text in configs]
    columns["log"] = [strings.place(text) for text in _logs(runs, results)]
    texts = [*_TEXTS, "scored", "command", "note", "config", "log"]
    return {"runs": len(runs), "texts": texts, "strings": strings.all,
            "columns": {name: _told_once(values) for name, values in columns.items()}}


def _runs(frame: "pandas.DataFrame") -> "pandas.DataFrame":
    """One line per run: facts of its first score, or of its last attempt where it has none."""
    frame = frame.assign(lost=~frame["status"].isin(SCORED))
    ordered = frame.sort_values(["lost", "finished_at"], kind="stable")
    runs = ordered.drop_duplicates("run_id").set_index("run_id", drop=False)
    errors = frame[frame["lost"] & (frame["error"] != "")].drop_duplicates("run_id", keep="last")
    runs = runs.assign(
        name=runs["method"] + ("@" + runs["variant"]).where(runs["variant"] != "", ""),
        status=runs["status"].where(runs["lost"], "done"),
        error=errors.set_index("run_id")["error"].reindex(runs.index).fillna(""),
        scored=_scored(frame).reindex(runs.index).fillna(""))
    return runs.sort_values(["finished_at", "run_id"], ascending=[False, True], na_position="last")


def _scored(frame: "pandas.DataFrame") -> "pandas.Series":
    """Under which protocols each run was scored, on which split, and in which search."""
    keys = ["run_id", "protocol", "protocol_id", "split", "sweep"]
    places = frame.loc[~frame["lost"], keys].drop_duplicates()
    said = [f"{protocol or 'unknown'} ({id_}), {split}{f', search {sweep}' if sweep else ''}"
            for _, protocol, id_, split, sweep in places.itertuples(index=False, name=None)]
    return places.assign(said=said).groupby("run_id")["said"].agg("; ".join)


def _numbers(column: "pandas.Series", name: str) -> list:
    """None where it is not known."""
    if name in _TIMES:
        column = column.dt.as_unit("s").astype("int64").where(column.notna())
    digits = 1 if name in _TENTHS else 0
    missing = column.isna()
    return [None if lost else round(float(value), 1) if digits else int(value)
            for value, lost in zip(column, missing, strict=True)]


def _commands(runs: "pandas.DataFrame", results: Folder) -> Iterable[tuple[list[str], str, str]]:
    """(pieces, note, file that the command reads) of every run."""
    kept = results.exists("runs")
    known = runs[_ASKED].astype(object)
    for row in known.where(known.notna(), None).to_dict("records"):
        if row["method"] == CONTROL:
            yield [], _CONTROL, ""
            continue
        spec = _spec(results, row) if kept else None
        told = "" if spec else _WITHOUT_SPEC
        try:
            spec = spec or spec_of(row)
            yield command_of(spec), told, ""
        except NoCommand as refused:
            yield _by_file(spec, refused)


def _by_file(spec: dict | None, refused: NoCommand) -> tuple[list[str], str, str]:
    """The command with a file of settings, where flags cannot hold them."""
    try:
        if spec is None:
            raise refused
        command, config = config_of(spec)
    except NoCommand as reason:
        return [], f"No command: {reason}.", ""
    return command, f"Needs a file, as {refused}.", config


def _spec(results: Folder, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The run's ``spec.json``; None where there is none, or what is there is torn or another run's."""
    if not is_plain(row["run_id"]):
        return None
    try:
        content = results.read(results.path("runs", row["run_id"], "spec.json"))
        spec = json.loads(content) if len(content) <= _SPEC_BYTES else None
    except (OSError, ValueError, RecursionError):
        return None
    ours = isinstance(spec, dict) and (spec.get("methods"), spec.get("seeds"), spec.get("dataset")) == (
        [row["name"]], [row["seed"]], row["dataset"])
    return spec if ours else None


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


class _Strings:
    """Texts, each once."""

    def __init__(self):
        self.all: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        if text not in self._places:
            self._places[text] = len(self.all)
            self.all.append(text if len(text) <= _LENGTH else f"{text[:_LENGTH - 1]}…")
        return self._places[text]


def _told_once(values: Sequence) -> Any:
    """One value where all agree."""
    return values[0] if values and all(value == values[0] for value in values) and not isinstance(
        values[0], list) else values
