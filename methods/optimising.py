"""One step of training, and the optimisers of a method's stages: all of the loop that needs no disk and no clock."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from .across import narrowed
from .base import Batch, Method, Stage
from .random_state import RandomState

_MOMENTS = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer"}  # of Adam and SGD: one value each of ours


class Optimisers:
    """The optimisers that a method's stages need, by the name of the stage that made each.

    Raises:
        ValueError: two stages have one name, or a stage continues none of those before it.
    """

    def __init__(self, method: Method, stages: list[Stage]):
        self._method, self._stages = method, stages
        self._made: dict[str, Optimizer] = {}
        names = [stage.name for stage in stages]
        if len(set(names)) < len(names):
            raise ValueError(f"stages need names of their own, got {names}")
        for number, stage in enumerate(stages):
            if stage.continues is not None and stage.continues not in names[:number]:
                raise ValueError(f"stage {stage.name} continues {stage.continues!r}, which is no stage before it")

    def of(self, number: int) -> Optimizer:
        """The optimiser of a stage, made where there is none yet; ``initial_lr`` of a group is the rate it began with.

        Those that no later stage continues are dropped.
        """
        owner = _owner(self._stages[number])
        self._made = {name: made for name, made in self._made.items() if name in self._needed(number)}
        if owner not in self._made:
            self._made[owner] = self._make(owner)
        return self._made[owner]

    def _needed(self, number: int) -> set[str]:
        """Owners, among the stages begun, whose optimisers this stage or a later one uses."""
        begun = {_owner(stage) for stage in self._stages[:number + 1]}
        return begun & {_owner(stage) for stage in self._stages[number:]}

    def _make(self, owner: str) -> Optimizer:
        stage = next(stage for stage in self._stages if stage.name == owner)
        made = stage.optimiser(stage.param_groups())
        for group in made.param_groups:
            group.setdefault("initial_lr", group["lr"])
        return made

    def state(self) -> dict[str, Tensor | float]:
        """What the optimisers remember: ``stage.parameter.quantity`` -> value."""
        names = {parameter: name for name, parameter in self._method.named_parameters()}
        return {f"{owner}/{names[parameter]}/{key}": value for owner, made in self._made.items()
                for parameter, state in made.state.items() for key, value in state.items()}

    def load(self, state: Mapping[str, Tensor | float], number: int) -> None:
        """Go on with ``state`` in stage ``number``, the method's own state being loaded already.

        Raises:
            ValueError: a moment of a gradient has another shape than the parameter.
        """
        remembered = {name.partition("/")[0] for name in state}
        # A stage that has yet to begin gets its optimiser after its preparation, which may change its parameters.
        for owner in self._needed(number) & remembered:
            made = self._made[owner] = self._make(owner)
            for name, parameter in self._moved(made):
                prefix = f"{owner}/{name}/"
                found = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
                if found:
                    made.state[parameter] = {key: _placed(key, value, parameter) for key, value in found.items()}

    def _moved(self, made: Optimizer) -> Iterator[tuple[str, nn.Parameter]]:
        names = {parameter: name for name, parameter in self._method.named_parameters()}
        return ((names[parameter], parameter) for group in made.param_groups for parameter in group["params"])


def _owner(stage: Stage) -> str:
    return stage.continues or stage.name


def _placed(key: str, value: Tensor | float, parameter: nn.Parameter) -> Tensor | float:
    if key in _MOMENTS and isinstance(value, Tensor) and value.shape != parameter.shape:
        raise ValueError(f"{key} has the shape {list(value.shape)} for a parameter of {list(parameter.shape)}")
    # Adam keeps its step counter on the CPU unless it is capturable or fused. Copies: loading changes no saved state.
    if not isinstance(value, Tensor):
        return value
    return value.clone() if key == "step" else value.to(parameter.device, copy=True)


def set_rates(optimiser: Optimizer, factor: float) -> None:
    """Every group's learning rate: what it began with, times ``factor``."""
    for group in optimiser.param_groups:
        group["lr"] = group["initial_lr"] * factor


def forward_loss(method: Method, batch: Batch, precision: str) -> dict[str, Tensor]:
    """The loss terms of a batch, under bf16 autocast where ``precision`` is ``bf16``."""
    with torch.autocast(batch.device.type, torch.bfloat16, enabled=precision == "bf16"):
        return method.loss(batch)


def losses_of_parts(method: Method, batch: Batch, precision: str,
                    parts: int) -> Iterator[tuple[float, dict[str, Tensor]]]:
    """The loss terms of a batch cut into ``parts``, one part after the other, for batches too large for memory.

    Each part begins with the random numbers that the batch begins with and takes its images' share of them, as far as
    the method draws them by :func:`~.across.drawn`: where no term looks at several images at once, the terms weighted
    with the shares add up to those of the whole batch, but for rounding.

    Yields:
        The share of the batch's images, and their terms; take the gradient before the next part is asked for, or the
        graphs of both are held.
    """
    if parts == 1:
        yield 1.0, forward_loss(method, batch, precision)
        return
    began, start = RandomState.now(batch.device), 0
    for part in batch.parts(parts):
        began.restore(batch.device)
        with narrowed(len(batch), slice(start, start + len(part))):
            terms = forward_loss(method, part, precision)
        yield len(part) / len(batch), terms
        start += len(part)


def descend(stage: Stage, optimiser: Optimizer) -> None:
    """One optimiser step down the gradients that are there, clipped as the stage says."""
    if stage.clip is not None:
        clip_grad_norm_([parameter for group in optimiser.param_groups for parameter in group["params"]], stage.clip)
    optimiser.step()
    stage.after_step()
