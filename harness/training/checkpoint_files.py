"""The two files of a checkpoint: what they hold is believed only where both are what was once written.

Nothing here unpickles or evaluates. Files that somebody put there instead, links and devices among them, are refused.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from ...durable import read_plain

_MOST_STATE = 64 * 2**20  # bytes of JSON: a hundred times what thousands of epochs leave


class Unusable(Exception):
    """A checkpoint that training cannot go on from; says why."""


def described(state: dict[str, Any], tensors: bytes) -> bytes:
    """The JSON of a checkpoint: its state, with the digests of its tensors and of itself."""
    state = {**state, "bytes": len(tensors), "sha256": hashlib.sha256(tensors).hexdigest()}
    return json.dumps({**state, "checksum": _checksum(state)}).encode()


def verified(folder: Path, name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """State and tensors of a checkpoint.

    Raises:
        Unusable: a file is missing, cut short, changed, no file at all, or not what a checkpoint is made of.
    """
    try:
        state = json.loads(read_plain(folder / f"{name}.json", _MOST_STATE))
        if not isinstance(state, dict):
            raise ValueError("the JSON describes no checkpoint")
        # Earlier versions kept neither the checksum nor the number of bytes.
        if "checksum" in state and state.pop("checksum") != _checksum(state):
            raise ValueError("the JSON does not match its checksum")
        content = read_plain(folder / f"{name}.safetensors", state.pop("bytes", None))
        if hashlib.sha256(content).hexdigest() != state.pop("sha256"):
            raise ValueError("the tensors do not match their digest")
        return state, load(content)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise Unusable(one_line(error)) from error


def one_line(error: BaseException) -> str:
    """What an error says, in at most 200 characters."""
    said = error.strerror if isinstance(error, OSError) else str(error)
    return " ".join((said or type(error).__name__).split())[:200]


def _checksum(state: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
