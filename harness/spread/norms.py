"""Batch norms that train see the whole batch, of which each process holds a share."""

import torch
from timm.layers import convert_sync_batchnorm
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ...errors import UserError
from .ranks import Ranks


def share_norms(method: nn.Module, ranks: Ranks, device: torch.device) -> None:
    """Let the batch norms of a method, in place, take mean and variance over the images of all processes.

    Raises:
        UserError: it has some, and torch shares them on GPUs only.
    """
    if ranks.world == 1 or not any(isinstance(module, _BatchNorm) for module in method.modules()):
        return
    if device.type != "cuda":
        raise UserError("batch norms of a backbone that trains are shared between processes on GPUs only; give "
                        "--workers-per-run 1, or another backbone")
    convert_sync_batchnorm(method)
