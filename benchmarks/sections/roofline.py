"""The operations of a step, counted, against those of a plain matrix product timed by turns with it.

Attention, matrix products and convolutions count, a product and a sum as two; what else a step does is in its time. The
matrix product is that of the faster library.
"""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.flop_counter import FlopCounterMode

from .row import Row
from .stepping import Stepping

_METHODS = {"linear_probe": False, "ivpt": True, "prompt_cam": False, "protopnet": True}  # from stored tokens?
_SIDE = 2048


def rows(quick: bool, threads: int) -> Iterator[Row]:
    rounds = 3 if quick else 9
    for name, stored in list(_METHODS.items())[:2] if quick else _METHODS.items():
        made = Stepping(name, threads=threads, stored=stored)
        matrix = torch.randn(_SIDE, _SIDE, device=made.device)
        products = [lambda matrix=matrix: matrix @ matrix]
        if made.device.type == "cpu":
            products.append(lambda matrix=matrix: torch.ops.mkldnn._linear_pointwise(matrix, matrix, None, "none", [],
                                                                                     ""))
        step, forward, *product = made.seconds(made.step, made.forward, *products, rounds=rounds)
        best = [2 * _SIDE**3 / min(seconds) for seconds in zip(*product, strict=True)]
        what = f"{name}, step{' from stored tokens' if stored else ''}"
        for told, work, took in ((what, made.step, step), (f"plain forward, beside {name}", made.forward, forward)):
            with FlopCounterMode(display=False, custom_mapping=_ONEDNN) as counter:
                work()
            operations = counter.get_total_flops()
            shares = [operations / seconds / speed for seconds, speed in zip(took, best, strict=True)]
            yield Row(f"{told}: operations", operations / 1e9, "GFLOP")
            yield Row.of(f"{told}: share of the matrix product's speed", shares, "share")
        yield Row.of(f"matrix product of {_SIDE} x {_SIDE}, beside {name}", [speed / 1e9 for speed in best], "GFLOP/s")


def _linear(inputs: Sequence[int], weight: Sequence[int], *_: object, out_shape: Sequence[int], **__: object) -> int:
    """Operations of a linear layer, by the shapes of what goes in; torch counts its own alone."""
    return 2 * torch.Size(inputs).numel() * weight[0]


_ONEDNN = {torch.ops.mkldnn._linear_pointwise: _linear}
