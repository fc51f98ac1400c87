"""Checkpoints: tensors in safetensors, the rest in JSON, written so that a kill leaves the last whole one.

The JSON file is written after the tensors and holds their digest, so it alone says that a checkpoint exists.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from ..durable import write_whole
from .losses import EpochLoss

KEPT = 2


@dataclass(frozen=True)
class Position:
    """Where training stands: epochs finished in a stage, epochs finished in all, and seconds spent on them."""

    stage: int
    epoch: int
    total: int
    seconds: float


def save_checkpoint(folder: Path, position: Position, method: nn.Module, optimisers: Mapping[str, Any],
                    losses: Sequence[EpochLoss]) -> None:
    """Write one checkpoint and drop all but the newest ``KEPT``.

    Args:
        optimisers: what they remember, by name.
        losses: of all epochs so far.
    """
    tensors = {f"method.{key}": value for key, value in method.state_dict().items()}
    tensors |= {f"optimiser.{key}": value for key, value in optimisers.items() if isinstance(value, torch.Tensor)}
    numbers = {f"optimiser.{key}": value for key, value in optimisers.items() if not isinstance(value, torch.Tensor)}
    content = save({key: value.detach().cpu().contiguous() for key, value in tensors.items()})
    state = {**asdict(position), "numbers": numbers, "losses": list(losses),
             "sha256": hashlib.sha256(content).hexdigest()}
    stem = folder / f"epoch-{position.total:05d}"
    write_whole(stem.with_suffix(".safetensors"), content)
    write_whole(stem.with_suffix(".json"), json.dumps(state).encode())
    for old in sorted(folder.glob("epoch-*.json"))[:-KEPT]:
        old.unlink()
        old.with_suffix(".safetensors").unlink(missing_ok=True)


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint, read and verified."""

    position: Position
    tensors: dict[str, torch.Tensor]
    numbers: dict[str, float]
    losses: list[EpochLoss]

    def method(self) -> dict[str, torch.Tensor]:
        """The method's state."""
        return _under("method.", self.tensors)

    def optimisers(self) -> dict[str, torch.Tensor | float]:
        """What the optimisers remember."""
        return _under("optimiser.", {**self.tensors, **self.numbers})


def _under(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}


def load_checkpoint(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest whole checkpoint, and one line for each that is torn."""
    problems = []
    for file in sorted(folder.glob("epoch-*.json"), reverse=True):
        try:
            state = json.loads(file.read_text())
            content = file.with_suffix(".safetensors").read_bytes()
            if hashlib.sha256(content).hexdigest() != state.pop("sha256"):
                raise ValueError("the tensors do not match their digest")
            numbers = state.pop("numbers")
            losses = [EpochLoss(*row) for row in state.pop("losses", [])]  # earlier versions kept none
            return Checkpoint(Position(**state), load(content), numbers, losses), problems
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            problems.append(f"checkpoint {file.name} is torn ({error}); going back to the one before")
    return None, problems


def clear_checkpoints(folder: Path) -> None:
    """Drop every checkpoint: with ``--force`` a run starts from nothing."""
    for file in folder.glob("epoch-*"):
        file.unlink()
