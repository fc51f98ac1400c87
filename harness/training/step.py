"""One step of training: a batch, whole or in parts, by one process or several, and the optimiser once."""

from collections.abc import Mapping
from contextlib import nullcontext

import torch
from torch import Tensor

from ...methods import Batch, Method, Stage
from ...methods.across import sharing
from ...methods.optimising import descend, losses_of_parts
from ..spread.ranks import Ranks


class Diverged(Exception):
    """A loss term stopped being a number."""


def learn(method: Method, stage: Stage, optimiser: torch.optim.Optimizer, batch: Batch, precision: str, parts: int,
          ranks: Ranks, where: str) -> tuple[dict[str, Tensor], float]:
    """Take one step down the gradient of a batch's loss.

    Args:
        parts: that the batch is cut into; the gradient of one is added to those before it before the next is looked at.
        ranks: the processes that each hold a share of the batch.
        where: for an error.

    Returns:
        The loss terms of the whole batch, and their sum.

    Raises:
        Diverged: a term, or their sum, is not finite; nothing was changed.
    """
    optimiser.zero_grad()
    terms: dict[str, Tensor] = {}
    share = ranks.share(len(batch))
    with nullcontext() if share is None else sharing(share):
        for weight, found in losses_of_parts(method, batch, precision, parts):
            (weight * torch.stack(list(found.values())).sum()).backward()
            for name, value in found.items():
                value = weight * value.detach()
                terms[name] = terms[name] + value if name in terms else value
    terms = ranks.means(terms)
    loss = torch.stack(list(terms.values())).sum()
    if not loss.isfinite():
        raise Diverged(_broken(terms, where))
    ranks.average_gradients(optimiser)
    descend(stage, optimiser)
    return terms, loss.item()


def _broken(terms: Mapping[str, Tensor], where: str) -> str:
    bad = [f"{name} is {value.item()}" for name, value in terms.items() if not value.isfinite()]
    what = ", ".join(bad) or "the sum of the terms overflows"
    return f"loss broke in {where}: {what}; try a lower learning rate"
