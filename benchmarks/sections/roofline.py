"""The operations of a step, counted, against those of a plain matrix product timed by turns with it.

Attention, matrix products and convolutions count, a product and a sum as two; what else a step does is in its time.
"""

from collections.abc import Iterator

import torch
from torch.utils.flop_counter import FlopCounterMode

from .row import Row
from .stepping import Stepping

_METHODS = ("linear_probe", "ivpt", "prompt_cam", "protopnet")
_SIDE = 2048


def rows(quick: bool, threads: int) -> Iterator[Row]:
    rounds = 3 if quick else 9
    for name in _METHODS[:2] if quick else _METHODS:
        made = Stepping(name, threads=threads)
        matrix = torch.randn(_SIDE, _SIDE, device=made.device)
        step, forward, product = made.seconds(made.step, made.forward, lambda matrix=matrix: matrix @ matrix,
                                              rounds=rounds)
        best = [2 * _SIDE**3 / seconds for seconds in product]
        for told, work, took in ((f"{name}, step", made.step, step), ("plain forward", made.forward, forward)):
            with FlopCounterMode(display=False) as counter:
                work()
            operations = counter.get_total_flops()
            shares = [operations / seconds / speed for seconds, speed in zip(took, best, strict=True)]
            yield Row(f"{told}: operations", operations / 1e9, "GFLOP")
            yield Row.of(f"{told}: share of the matrix product's speed", shares, "share")
        yield Row.of(f"matrix product of {_SIDE} x {_SIDE}", [speed / 1e9 for speed in best], "GFLOP/s")
