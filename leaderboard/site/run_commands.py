"""The command of every run, from its ``spec.json`` where that is kept, with what many runs share told apart."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..board import CONTROL
from ..files import Folder
from ..names import is_plain
from .command import NoCommand, command_of, config_of, spec_of

if TYPE_CHECKING:
    import pandas

_ASKED = ["run_id", "name", "method", "variant", "dataset", "backbone", "weights", "image_size", "seed", "epochs",
          "preset", "fit_on", "settings", "split", "threads", "views", "protocol"]  # columns that a command comes from
_CONTROL = "A control: scored beside runs of this data set that were asked for with --controls."
_WITHOUT_SPEC = ("Its spec.json is not here: batch size, precision, factor on learning rates and the data set's "
                 "options are taken as the defaults.")
_LEFT_OUT = "Its settings are left out to keep this page small; harness show RUN prints them."
_OWN = 400_000  # characters of settings that single runs have for themselves, as those of a search do
_SPEC_BYTES = 100_000


@dataclass(frozen=True)
class Again:
    """How to do a run again.

    Attributes:
        pieces: of the command, each with whether other runs have it too; none where no command can be given.
        note: what else there is to know.
        config: content of the file that the command reads; empty where it reads none.
        done: the settings are said here, or left out.
    """

    pieces: tuple[tuple[str, bool], ...]
    note: str
    config: str
    done: bool


def run_commands(runs: "pandas.DataFrame", results: Folder) -> list[Again]:
    """How to do each run again.

    Args:
        runs: one line per run, with columns of rows and ``name``, the method with its variant.
        results: where ``runs/ID/spec.json`` may be.
    """
    kept = results.exists("runs")
    known = runs[_ASKED].astype(object)
    rows = known.where(known.notna(), None).to_dict("records")
    return _within_bounds([_command(row, results if kept else None) for row in rows])


def _within_bounds(found: Iterable[tuple[list[str], str, str]]) -> list[Again]:
    """Whatever single runs have for themselves is left out once it is too much for a page."""
    found = list(found)
    times = Counter(piece for pieces, _, _ in found for piece in pieces)
    room, told = _OWN, []
    for pieces, note, config in found:
        own = len(config) + sum(len(piece) + 3 for piece in pieces if times[piece] == 1)
        if own > room:
            told.append(Again((), _LEFT_OUT, "", True))
            continue
        room -= own
        told.append(Again(tuple((piece, times[piece] > 1) for piece in pieces), note, config, bool(pieces)))
    return told


def _command(row: Mapping[str, Any], results: Folder | None) -> tuple[list[str], str, str]:
    """(pieces, note, file that the command reads)"""
    if row["method"] == CONTROL:
        return [], _CONTROL, ""
    spec = _spec(results, row) if results else None
    told = "" if spec else _WITHOUT_SPEC
    try:
        spec = spec or spec_of(row)
        return command_of(spec), told, ""
    except NoCommand as refused:
        return _by_file(spec, refused, told)


def _by_file(spec: dict[str, Any] | None, refused: NoCommand, told: str) -> tuple[list[str], str, str]:
    """The command with a file of settings, where flags cannot hold them."""
    try:
        if spec is None:
            raise refused
        command, config = config_of(spec)
    except NoCommand as reason:
        return [], f"No command: {reason}.", ""
    return command, f"It reads a file, as {refused}. {told}".strip(), config


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
