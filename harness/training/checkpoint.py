"""Checkpoints: tensors in safetensors, the rest in JSON, written so that a kill leaves the last whole one.

The JSON file is written after the tensors and holds their digest, so it alone says that a checkpoint exists. One stands
at the end of an epoch, or after a step within it: then it also holds where random numbers and mean losses stood.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from ...durable import mendable, write_whole
from ...methods.random_state import RandomState
from .checkpoint_files import Unusable, described, one_line, verified
from .losses import EpochLoss, Mean

KEPT = 2
_FILE = re.compile(r"(epoch-([0-9]{5,})(?:-step-([0-9]{8,}))?)\.(json|safetensors)")


@dataclass(frozen=True)
class Position:
    """Where training stands.

    Attributes:
        stage: number of the stage.
        epoch: epochs finished in it.
        total: epochs finished in all.
        seconds: spent so far.
        step: steps finished of the epoch after those.
        accumulation: most parts that a batch was cut into so far, to fit into memory.
    """

    stage: int
    epoch: int
    total: int
    seconds: float
    step: int = 0
    accumulation: int = 1

    def __post_init__(self):
        counts = self.stage, self.epoch, self.total, self.step, self.accumulation
        spent = type(self.seconds) in (int, float) and 0 <= self.seconds < inf
        if not all(type(count) is int and count >= 0 for count in counts) or not self.accumulation or not spent:
            raise ValueError(f"training cannot stand at {self}")

    @property
    def name(self) -> str:
        """Of its files."""
        return f"epoch-{self.total:05d}" + (f"-step-{self.step:08d}" if self.step else "")


@dataclass(frozen=True)
class Within:
    """What a checkpoint after a step holds besides.

    Attributes:
        means: of the epoch's losses so far.
        random: where the random numbers stood.
    """

    means: Mean
    random: RandomState


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint, read and verified.

    Attributes:
        losses: of all finished epochs.
        within: None at the end of an epoch.
    """

    position: Position
    tensors: dict[str, Tensor]
    numbers: dict[str, float]
    losses: list[EpochLoss]
    within: Within | None = None

    def method(self) -> dict[str, Tensor]:
        """The method's state."""
        return _under("method.", self.tensors)

    def optimisers(self) -> dict[str, Tensor | float]:
        """What the optimisers remember."""
        return _under("optimiser.", {**self.tensors, **self.numbers})


def _under(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}


def save_checkpoint(folder: Path, position: Position, method: nn.Module, optimisers: Mapping[str, Any],
                    losses: Sequence[EpochLoss], within: Within | None = None) -> None:
    """Write one checkpoint and drop all but the newest ``KEPT`` of epochs, and as many of steps since the last epoch.

    Args:
        optimisers: what they remember, by name.
        losses: of all finished epochs.
        within: what belongs to a step within an epoch.

    Raises:
        UserError: no space, or no permission.
    """
    tensors = {f"method.{key}": value for key, value in method.state_dict().items()}
    tensors |= {f"optimiser.{key}": value for key, value in optimisers.items() if isinstance(value, Tensor)}
    tensors |= {f"random.{key}": value for key, value in within.random.states.items()} if within else {}
    numbers = {f"optimiser.{key}": value for key, value in optimisers.items() if not isinstance(value, Tensor)}
    content = save({key: value.detach().cpu().contiguous() for key, value in tensors.items()})
    state = {**asdict(position), "numbers": numbers, "losses": list(losses)}
    state |= {"means": within.means.state()} if within else {}
    write_whole(folder / f"{position.name}.safetensors", content)
    write_whole(folder / f"{position.name}.json", described(state, content))
    _drop_others(folder, position.name)


def _drop_others(folder: Path, newest: str) -> None:
    """Remove older checkpoints, those beyond the newest, which nobody could use, and halves of such."""
    names = checkpoint_names(folder)
    names = names[names.index(newest):]
    last = next((place for place, name in enumerate(names) if "-step-" not in name), len(names))
    epochs = [name for name in names[last:] if "-step-" not in name]
    kept = {*names[:last][:KEPT], *epochs[:KEPT]}
    for file in sorted(folder.iterdir()):  # a JSON before its tensors: without it these are no checkpoint
        found = _FILE.fullmatch(file.name)
        if found and found[1] not in kept and not file.is_dir():
            with mendable(file):
                file.unlink(missing_ok=True)


def checkpoint_names(folder: Path) -> list[str]:
    """Names of the checkpoints that are there, in whatever state, the one that went farthest first."""
    files = filter(None, (_FILE.fullmatch(file.name) for file in folder.glob("epoch-*.json")))
    return [file[1] for file in sorted(files, key=lambda file: (int(file[2]), int(file[3] or 0)), reverse=True)]


def read_checkpoint(folder: Path, name: str) -> Checkpoint:
    """A checkpoint by its name.

    Raises:
        Unusable: it is torn, was changed, or is none.
    """
    state, tensors = verified(folder, name)
    try:
        numbers, means = state.pop("numbers"), state.pop("means", None)
        losses = [_loss(*row) for row in state.pop("losses", [])]  # earlier versions kept none
        position = Position(**state)
        if position.name != name:
            raise ValueError(f"it says that it is {position.name}")
        within = Within(Mean.of_state(means), RandomState(_under("random.", tensors))) if position.step else None
        return Checkpoint(position, tensors, dict(numbers), losses, within)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable(one_line(error)) from error


def _loss(epoch: int, stage: str, term: str, loss: float) -> EpochLoss:
    return EpochLoss(int(epoch), stage, term, float(loss))


def load_checkpoint(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest whole checkpoint of an epoch's end, and one line for each that is torn."""
    problems = []
    for name in checkpoint_names(folder):
        if "-step-" in name:
            continue
        try:
            return read_checkpoint(folder, name), problems
        except Unusable as error:
            problems.append(torn(name, error))
    return None, problems


def torn(name: str, error: Unusable) -> str:
    """What to say of a checkpoint that does not count."""
    return f"checkpoint {name}.json is torn ({error}); going back to the one before"


def clear_checkpoints(folder: Path) -> None:
    """Drop every checkpoint: with ``--force`` a run starts from nothing."""
    for file in folder.glob("epoch-*"):
        file.unlink()
