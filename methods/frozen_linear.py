"""Frozen linear layers on a CPU, by oneDNN.

torch multiplies fp32 matrices by MKL, which leaves the wide registers of processors that are not Intel's unused: with
AVX-512 oneDNN takes half the time there. torch has it for layers that nobody trains, which is what frozen blocks are
made of; the gradient of their input is one more such layer.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def frozen_linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As ``torch.nn.functional.linear``: [..., D] by [E, D] -> [..., E]; oneDNN's where that pays, else torch's."""
    if not (_pays() and inputs.device.type == "cpu" and inputs.dtype == weight.dtype == torch.float32
            and inputs.numel() and not weight.requires_grad and not torch.is_autocast_enabled("cpu")):
        return functional.linear(inputs, weight, bias)
    if torch.is_grad_enabled() and inputs.requires_grad:
        return _FrozenLinear.apply(inputs, weight, bias)
    return _product(inputs, weight, bias)


class _FrozenLinear(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        context.save_for_backward(weight)
        return _product(inputs, weight, bias)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        weight, = context.saved_tensors
        return _product(gradient, weight.t(), None), None, None


def _product(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")


@cache
def _pays() -> bool:
    """Measured on AMD's Zen 5; with narrower registers both libraries use the same ones."""
    return (torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability() == "AVX512"
            and hasattr(torch.ops.mkldnn, "_linear_pointwise"))
