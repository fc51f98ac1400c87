"""The command that does a run again, from what the run left: its specification, or its row where that is gone.

No path of a machine is in it: folders and files become ``PATH/TO/DATA`` and ``PATH/TO/WEIGHTS``.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ...datasets import registry as datasets
from ...methods.cards.backbones import shipped
from ..text import printable

DATA, WEIGHTS, CONFIG = "PATH/TO/DATA", "PATH/TO/WEIGHTS", "spec.json"
_FLAGS = ("decoded_side", "backbone", "image_size", "epochs", "batch_size", "rate_factors", "preset", "fit_on", "split",
          "precision", "threads", "prefix_store", "protocol", "fidelity_images")
"""Fields of a request that say what a run is."""
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/@-]*")
_NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "inf", "infinity", "nan"}  # what --set does not read as


class NoCommand(Exception):
    """No command can be given; the message says why."""


def command_of(spec: Mapping[str, Any]) -> list[str]:
    """The command as pieces that many runs share; :func:`joined` makes of them what a shell takes.

    Args:
        spec: a run's ``spec.json``, which is the request for that run alone.

    Raises:
        NoCommand: it holds what is no request's, or characters that do not belong in a command.
    """
    try:
        name, seed, settings = _only(spec["methods"]), _only(spec["seeds"]), dict(spec.get("set") or {})
    except (KeyError, TypeError, ValueError):
        raise NoCommand("its spec.json is not one of a run") from None
    flags = [("dataset", spec.get("dataset")), *_files(spec), *((flag, spec.get(flag)) for flag in _FLAGS)]
    asked = " ".join(_flag(flag, value) for flag, value in flags if value is not None)
    return [f"harness run {_flag('methods', name)}", *_set(settings), asked, _flag("seeds", seed)]


def joined(pieces: Sequence[str]) -> str:
    """Pieces with spaces between them, but for the value of a setting, which follows its name at once."""
    return "".join(piece if _is_name(piece) else f"{piece} " for piece in pieces).rstrip()


def _is_name(piece: str) -> bool:
    return piece.startswith("--set ") and piece.endswith("=")


def config_of(spec: Mapping[str, Any]) -> tuple[list[str], str]:
    """As :func:`command_of` for settings that flags cannot hold: the command, and the file that it reads.

    Raises:
        NoCommand: characters that do not belong in a command, or values that no file of settings holds.
    """
    kept = {name: value for name, value in spec.items() if name not in ("data_root", "out", "weights")}
    command = ["harness run", _flag("config", CONFIG), *(_flag(flag, value) for flag, value in _files(spec))]
    try:
        return command, json.dumps(kept, allow_nan=False)
    except (ValueError, RecursionError):
        raise NoCommand("its settings are no numbers") from None


def spec_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The request for a run as far as its row tells, where None is missing.

    Batch size, precision, factor on learning rates and the data set's options are not in rows.

    Raises:
        NoCommand: its settings are torn.
    """
    try:
        settings = json.loads(row["settings"])
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise NoCommand("its settings cannot be read")
    name = f"{row['method']}@{row['variant']}" if row["variant"] else row["method"]
    generated = row["dataset"] in datasets.cards and datasets.cards[row["dataset"]].generated
    weights = row["weights"]
    given = weights if weights == "random" else None if _known(weights, row["backbone"]) else WEIGHTS
    facts = {name: row[name] or None for name in ("backbone", "image_size", "epochs", "preset", "fit_on", "split",
                                                  "threads", "protocol")}
    return {"methods": [name], "set": {f"{row['method']}.{key}": value for key, value in settings.items()},
            "dataset": row["dataset"], "data_root": None if generated else DATA, "weights": given,
            "seeds": [row["seed"]], "prefix_store": None if row["views"] else 0, **facts}


@lru_cache(1_000)
def _known(weights: str, backbone: str) -> bool:
    """Whether they are downloaded, or come with partbench."""
    return not weights or weights.startswith("timm:") or shipped(printable(backbone)) is not None


def _files(spec: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Where data and weights are, which is not for others to read."""
    if spec.get("data_root"):
        yield "data_root", DATA
    if spec.get("weights"):
        yield "weights", "random" if spec["weights"] == "random" else WEIGHTS


def _set(settings: Mapping[str, Any]) -> list[str]:
    """Of each setting its name and its value: runs of a search share the one and not the other."""
    said = []
    for name, value in settings.items():
        text = flag_value(value)
        if text is None:
            raise NoCommand(f"the setting {printable(name, 60)} cannot be written as a flag")
        quoted = _quoted(f"{name}={text}")
        said += [f"--set {name}=", text] if quoted == f"{name}={text}" else [f"--set {quoted}"]
    return said


def flag_value(value: Any) -> str | None:
    """``value`` as ``--set`` reads it; None where it cannot: a list of one, a list in a list, text like a number."""
    if isinstance(value, list):
        parts = [None if isinstance(part, list) else flag_value(part) for part in value]
        return ",".join(parts) if len(parts) > 1 and None not in parts else None
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return repr(value)
    plain = isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT
    return value if plain else None


def _flag(field: str, value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    name = "--" + field.replace("_", "-")
    return f"{name}={_quoted(text)}" if text.startswith("-") else f"{name} {_quoted(text)}"


@lru_cache(10_000)
def _quoted(text: str) -> str:
    if printable(text, len(text) + 1) != text:
        raise NoCommand("its names hold characters that do not belong in a command")
    return shlex.quote(text)


def _only(values: Any) -> Any:
    (value,) = values
    return value
