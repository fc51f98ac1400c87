"""Does torch.compile pay? The frozen backbone's forward and IVPT's loss, compiled and as they are, by turns."""

import time
from collections.abc import Callable, Iterator

import torch

from .row import Row
from .stepping import Stepping


def rows(quick: bool, threads: int) -> Iterator[Row]:
    rounds = 5 if quick else 15
    made = Stepping("ivpt", threads=threads, batch_size=8 if quick else 16)
    labels = torch.arange(made.batch_size, device=made.device) % made.classes
    backbone = made.method.backbone

    def plain() -> torch.Tensor:
        return backbone.norm(backbone.run(backbone.embed(made.images)))

    def loss() -> torch.Tensor:
        return torch.stack(list(made.method.loss(made.images, labels).values())).sum()

    yield from _compared("plain forward", torch.no_grad()(plain), made, rounds)
    if quick:  # compiling a step takes minutes
        return
    yield from _compared("IVPT, loss and gradients", loss, made, rounds, lambda total: total.backward())


def _compared(what: str, work: Callable[[], torch.Tensor], made: Stepping, rounds: int,
              then: Callable[[torch.Tensor], None] = lambda result: None) -> Iterator[Row]:
    """Compiled over not compiled, and how many of the latter the compilation itself takes."""
    fast = torch.compile(work)
    started = time.perf_counter()
    then(fast())
    compilation = time.perf_counter() - started
    compiled, eager = made.seconds(lambda: then(fast()), lambda: then(work()), rounds=rounds)
    ratios = [one / other for one, other in zip(compiled, eager, strict=True)]
    yield Row.of(f"{what}: compiled over not compiled", ratios, "ratio")
    yield Row(f"{what}: compilation", compilation / sorted(eager)[len(eager) // 2], "times")
