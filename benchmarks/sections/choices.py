"""What was tried for a step of IVPT from stored tokens, against the step as it is, by turns: what pays is built in."""

import time
from collections.abc import Callable, Iterator
from unittest.mock import patch

import torch

from partbench.methods import Batch

from .row import Row
from .stepping import Stepping


def rows(quick: bool, threads: int) -> Iterator[Row]:
    rounds, batch_size = (5, 8) if quick else (15, 16)

    def made(name: str = "ivpt", **changes: object) -> Stepping:
        return Stepping(name, threads=threads, batch_size=batch_size, **{"stored": name == "ivpt"} | changes)

    usual = made()
    yield from _onednn(usual, rounds)
    bf16 = made(precision="bf16")
    yield _ratio("bf16 over fp32, step of IVPT", usual, bf16.step, usual.step, rounds)
    for name in ("ivpt", "vpt_deep"):
        plain = made(name, stored=False)
        yield _ratio(f"gradient checkpointing over without, step of {name}, not stored", plain,
                     _recomputed(plain), plain.step, rounds)
    yield from _fused(usual, rounds)
    yield from _compiled(usual, rounds, quick)
    if usual.device.type != "cuda":
        yield Row("CUDA graphs", note="no GPU here")


def _onednn(made: Stepping, rounds: int) -> Iterator[Row]:
    """Frozen layers by oneDNN, and by MKL as torch has them."""
    backbone = made.method.backbone

    @torch.no_grad()
    def forward() -> None:
        backbone.onednn = True
        backbone.norm(backbone.run(backbone.embed(made.images)))

    yield _ratio("oneDNN over MKL, plain forward", made, forward, made.forward, rounds)
    yield _ratio("oneDNN over MKL, step of IVPT", made, made.step, _by_mkl(made.step), rounds)


def _by_mkl(work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        with patch("partbench.methods.frozen_linear._pays", new=lambda: False):
            work()
    return run


def _recomputed(made: Stepping) -> Callable[[], None]:
    def run() -> None:
        made.method.backbone.checkpointing = True
        made.step()
        made.method.backbone.checkpointing = False
    return run


def _fused(made: Stepping, rounds: int) -> Iterator[Row]:
    """Adam on IVPT's parameters in one kernel, and as torch has it by default."""
    def optimiser(**options: bool) -> torch.optim.Optimizer:
        values = [torch.nn.Parameter(value.detach().clone()) for value in made.method.parameters()]
        for value in values:
            value.grad = torch.randn_like(value)
        return torch.optim.Adam(values, **options)

    fused, usual = optimiser(fused=True), optimiser()
    one, other, step = made.seconds(fused.step, usual.step, made.step, rounds=rounds)
    yield Row.of("Adam, fused over not", [a / b for a, b in zip(one, other, strict=True)], "ratio")
    yield Row.of("Adam, not fused, of a step of IVPT", [a / b for a, b in zip(other, step, strict=True)], "share")


def _compiled(made: Stepping, rounds: int, quick: bool) -> Iterator[Row]:
    """torch.compile, which chooses kernels itself: what it saves, and how many calls its compilation takes."""
    labels = torch.arange(made.batch_size, device=made.device) % made.classes
    batch, backbone = Batch(images=made.images, labels=labels).with_warp(), made.method.backbone

    @torch.no_grad()
    def forward() -> torch.Tensor:  # what nobody takes is compiled away
        backbone.onednn = False
        return backbone.norm(backbone.run(backbone.embed(made.images)))

    def loss() -> torch.Tensor:
        return torch.stack(list(made.method.loss(batch).values())).sum()

    yield from _beside("plain forward", forward, made, rounds)
    if not quick:  # compiling a step takes minutes
        yield from _beside("IVPT, loss and gradients", loss, made, rounds, lambda total: total.backward())


def _beside(what: str, work: Callable[[], torch.Tensor], made: Stepping, rounds: int,
            then: Callable[[torch.Tensor], None] = lambda result: None) -> Iterator[Row]:
    compiled = torch.compile(work)
    fast, slow = _by_mkl(lambda: then(compiled())), lambda: then(work())
    started = time.perf_counter()
    fast()
    compilation = time.perf_counter() - started
    yield _ratio(f"torch.compile over without, {what}", made, fast, slow, rounds)
    each, = made.seconds(slow, rounds=3)
    yield Row(f"torch.compile, compilation of {what}", compilation / min(each), "calls")


def _ratio(what: str, made: Stepping, one: Callable[[], None], other: Callable[[], None], rounds: int) -> Row:
    found, expected = made.seconds(one, other, rounds=rounds)
    return Row.of(what, [a / b for a, b in zip(found, expected, strict=True)], "ratio")
