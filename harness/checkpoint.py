"""Checkpoints: tensors in safetensors, the rest in JSON, written so that a kill leaves the last whole one.

The JSON file is written after the tensors and holds their digest, so it alone says that a checkpoint exists.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from ..durable import write_whole

KEPT = 2


@dataclass(frozen=True)
class Position:
    """Where training stands: epochs finished in a stage, epochs finished in all, and seconds spent on them."""

    stage: int
    epoch: int
    total: int
    seconds: float


def save_checkpoint(folder: Path, position: Position, method: nn.Module,
                    optimiser: torch.optim.Optimizer | None) -> None:
    """Write one checkpoint and drop all but the newest ``KEPT``."""
    tensors = {f"method.{key}": value for key, value in method.state_dict().items()}
    numbers = {}
    names = {parameter: name for name, parameter in method.named_parameters()}
    for parameter, state in (optimiser.state if optimiser else {}).items():
        for key, value in state.items():
            where = f"optimiser.{names[parameter]}.{key}"
            if isinstance(value, torch.Tensor):
                tensors[where] = value
            else:
                numbers[where] = value
    content = save({key: value.detach().cpu().contiguous() for key, value in tensors.items()})
    state = {**asdict(position), "numbers": numbers, "sha256": hashlib.sha256(content).hexdigest()}
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

    def restore_method(self, method: nn.Module) -> None:
        state = {key.removeprefix("method."): value for key, value in self.tensors.items() if key.startswith("method.")}
        method.load_state_dict(state)

    def restore_optimiser(self, method: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        values = {**self.tensors, **self.numbers}
        names = {parameter: name for name, parameter in method.named_parameters()}
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                prefix = f"optimiser.{names[parameter]}."
                state = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
                if state:
                    optimiser.state[parameter] = {key: self._placed(key, value, parameter)
                                                  for key, value in state.items()}

    @staticmethod
    def _placed(key: str, value: torch.Tensor | float, parameter: nn.Parameter) -> torch.Tensor | float:
        # Adam keeps its step counter on the CPU unless it is capturable or fused.
        return value.to(parameter.device) if isinstance(value, torch.Tensor) and key != "step" else value


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
            return Checkpoint(Position(**state), load(content), numbers), problems
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            problems.append(f"checkpoint {file.name} is torn ({error}); going back to the one before")
    return None, problems


def clear_checkpoints(folder: Path) -> None:
    """Drop every checkpoint: with ``--force`` a run starts from nothing."""
    for file in folder.glob("epoch-*"):
        file.unlink()
