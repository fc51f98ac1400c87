"""Going on from a checkpoint: the one that went farthest, if training can go on from it, else the one before."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ...methods import Method, Stage
from ...methods.optimising import Optimisers
from ..spread.ranks import ALONE, Ranks
from .checkpoint import Checkpoint, Position, checkpoint_names, read_checkpoint, torn
from .checkpoint_files import Unusable, one_line
from .out_of_memory import is_out_of_memory

log = logging.getLogger("partbench")


def resume(folder: Path, method: Method, stages: Sequence[Stage], optimisers: Optimisers,
           steps: Callable[[int], int], until: int | None = None, ranks: Ranks = ALONE) -> Checkpoint | None:
    """Put method and optimisers to where the farthest checkpoint left them.

    Whatever is wrong with a checkpoint is logged, and the one before is tried.

    Args:
        folder: of the checkpoints.
        steps: number of a stage -> steps of its epochs.
        until: epochs after which training stops for now: a checkpoint within a later epoch is left alone.
        ranks: the processes that train together; the first of them reads.

    Returns:
        That checkpoint, or None where there is none: then both are as they were.
    """
    initial: dict[str, Tensor] = {}
    for name in ranks.of_first(lambda: checkpoint_names(folder)):
        try:
            found = _read(folder, name, ranks)
            if found.position.step and until is not None and found.position.total >= until:
                continue
            _check_position(found.position, stages, steps)
            _check_values(found, method)
            initial = initial or {key: value.detach().cpu().clone() for key, value in method.state_dict().items()}
            _fill(method, optimisers, found)
            return found
        except Unusable as error:
            log.warning(torn(name, error))
            if initial:
                method.load_state_dict(initial)
    return None


def _read(folder: Path, name: str, ranks: Ranks) -> Checkpoint:
    def read() -> Checkpoint | Unusable:
        try:
            return read_checkpoint(folder, name)
        except Unusable as error:
            return error

    found = ranks.of_first(read)
    if isinstance(found, Unusable):
        raise found
    return found


def _check_position(position: Position, stages: Sequence[Stage], steps: Callable[[int], int]) -> None:
    """Want a place that a training with these stages comes by."""
    before = sum(stage.epochs for stage in stages[:position.stage])
    epochs = stages[position.stage].epochs if position.stage < len(stages) else 0
    comes_by = (position.stage <= len(stages) and position.total == before + position.epoch
                and position.epoch + bool(position.step) <= epochs
                and (not position.step or position.step <= steps(position.stage)))
    if not comes_by:
        raise Unusable(f"it stands at {position}, where this training never is")


def _check_values(found: Checkpoint, method: nn.Module) -> None:
    """Want numbers of the kinds that are there; shapes are the method's to judge."""
    own = method.state_dict()
    for name, value in found.method().items():
        if name in own and own[name].dtype != value.dtype:
            raise Unusable(f"{name} is {value.dtype} and not {own[name].dtype}")
    learnt = {f"method.{name}" for name, _ in method.named_parameters()}
    for name, value in found.tensors.items():
        if (name in learnt or name.startswith("optimiser.")) and value.isnan().any():
            raise Unusable(f"{name} is not a number")
    if found.within is not None:
        _check_random(found.within.random.states)


def _check_random(states: Mapping[str, Tensor]) -> None:
    wanted = torch.get_rng_state()
    if "cpu" not in states or states["cpu"].shape != wanted.shape or states["cpu"].dtype != wanted.dtype:
        raise Unusable("it does not say where random numbers stood")


def _fill(method: Method, optimisers: Optimisers, found: Checkpoint) -> None:
    try:
        method.load_state_dict(found.method())
        optimisers.load(found.optimisers(), found.position.stage)
    except (RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        # Whatever a method finds amiss with a state that is not its own, but not that memory is short.
        if is_out_of_memory(error):
            raise
        raise Unusable(one_line(error)) from error
