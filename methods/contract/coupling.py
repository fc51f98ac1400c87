"""The clause about batches: whether a loss that is said to look at single images does."""

import torch
from safetensors.torch import load
from torch import Tensor

from ..base import Batch, Method
from ..optimising import losses_of_parts
from .trial import Trial, want

_ROUNDING = 1e-3  # of a parameter's gradient
_FAINT = 1e-4  # of the largest gradient: nothing below it is looked at so closely


def separate(trial: Trial) -> None:
    """Where the card knows of no coupling, the gradient of a batch is that which its parts add up to.

    In eval mode: whether random numbers of the parts are those of the batch is another question. After an epoch: at
    the start some vectors may be zero but for rounding, and their direction is chance.
    """
    method, pictures = trial.build(trial.backbone), trial.pictures
    if method.batch_coupled:
        return
    method.load_state_dict(load(trial.rehearsal.saved[0].method))
    if "warped" in method.views:
        pictures = pictures.with_warp(torch.Generator().manual_seed(1))
    name, apart = furthest(gradients(method, pictures, 1), gradients(method, pictures, 2))
    want(apart <= _ROUNDING, f"the gradients of {name} on a batch and on its parts differ by {apart:.1g} of the "
         "largest; say batch_coupled on the card, or make every term a mean over images")


def gradients(method: Method, batch: Batch, parts: int) -> dict[str, Tensor]:
    """Of the loss of a batch in parts, by the name of each parameter that can train; in the mode the method is in."""
    trained = {name: parameter for name, parameter in method.named_parameters() if parameter.requires_grad}
    found = {name: torch.zeros_like(parameter) for name, parameter in trained.items()}
    for share, terms in losses_of_parts(method, batch, "fp32", parts):
        loss = share * torch.stack(list(terms.values())).sum()
        for sums, value in zip(found.values(), torch.autograd.grad(
                loss, list(trained.values()), allow_unused=True, materialize_grads=True), strict=True):
            sums += value
    return found


def furthest(one: dict[str, Tensor], other: dict[str, Tensor]) -> tuple[str, float]:
    """The parameter whose gradients differ most, and by how much of their largest value."""
    largest = {name: value.abs().max().item() for name, value in one.items() if value.numel()}
    least = max(_FAINT * max(largest.values()), torch.finfo(torch.float32).tiny)
    apart = {name: (one[name] - other[name]).abs().max().item() / max(value, least) for name, value in largest.items()}
    return max(apart.items(), key=lambda pair: pair[1])
