"""Evaluation under partbench's protocol, over the plain forwards of a full batch that its model passes are worth.

Processor seconds of this process stand beside the seconds that passed: they leave out what other processes did,
those that decode and draw among them.
"""

import resource
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import torch

from partbench import datasets
from partbench.harness.decoding import decoding_workers
from partbench.harness.forwards import needs_of
from partbench.harness.loaders import Clean, Normalise
from partbench.harness.passes.context import Context
from partbench.harness.passes.evaluate import PASSES
from partbench.harness.progress import Reporter
from partbench.harness.scoring.evidence import Evidence
from partbench.methods import create, load_backbone
from partbench.metrics import Protocol

from .row import Row

_BATCH = 64
_METHODS = ("ivpt", "prompt_cam", "linear_probe")


def rows(quick: bool, threads: int) -> Iterator[Row]:
    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = datasets.load("synthetic_birds")
    backbone = load_backbone("vit_birds_patch8_96", image_size=96, device=device)
    backbone.onednn = True  # as every run does
    some = 16 if quick else 60
    protocol = Protocol(fidelity_images=some, occlusion_images=some, planted_images=some)
    for name in _METHODS[:1] if quick else _METHODS:
        torch.manual_seed(0)
        method = create(name, backbone, len(data.classes)).to(device).eval()
        context = Context(method, data, "val", "val", protocol, Normalise.of(backbone, device), 32, Reporter(),
                          needs_of(protocol), decoding_workers(threads))
        yield from _measured(name, context)


@torch.no_grad()
def _measured(name: str, context: Context) -> Iterator[Row]:
    backbone = context.method.backbone
    images = torch.randn(_BATCH, 3, context.size, context.size, device=context.normalise.device)

    def plain() -> None:
        backbone.norm(backbone.run(backbone.embed(images)))

    few = Protocol(fidelity_images=2, occlusion_images=2, planted_images=2)
    warm = _FirstBatches(**vars(replace(context, protocol=few, evidence=Evidence(), workers=0)))
    for one in PASSES:  # imports, and first calls of everything
        one.run(warm)
    plain()
    forwards, took = [_spent(plain)], []
    for one in PASSES:
        done = _Counted(context.reporter)
        context.reporter = done
        seconds = _spent(lambda one=one: one.run(context))
        context.reporter = done.reporter
        forwards.append(_spent(plain))
        if done.forwards:
            took.append((one.__name__.rpartition(".")[2], done.forwards, seconds))
    each = [statistics.median(spent[kind] for spent in forwards) / _BATCH for kind in (0, 1)]
    for told, count, seconds in took:
        yield Row(f"{name}, pass {told}, {count:.0f} forwards, processor time", seconds[1] / count / each[1], "ratio")
    total = sum(count for _, count, _ in took)
    for kind, told in enumerate(("seconds", "processor time")):
        yield Row(f"{name}, all passes, {total:.0f} forwards, {told}",
                  sum(seconds[kind] for *_, seconds in took) / total / each[kind], "ratio")
    model = context.model_seconds / sum(seconds[0] for *_, seconds in took)
    yield Row(f"{name}, share of its seconds in the model", model, "share")


class _FirstBatches(Context):
    """The first batch of every pass alone."""

    def batches(self, *arguments, **named) -> Iterator[Clean]:
        return islice(super().batches(*arguments, **named), 1)


class _Counted:
    """Stands for the reporter of a pass, and counts its forwards."""

    def __init__(self, reporter: Reporter):
        self.reporter, self.forwards = reporter, 0.0

    def heed(self) -> None:
        self.reporter.heed()

    def step(self, stage: str, images: int, cost: float) -> None:
        self.forwards += images * cost


def _spent(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds that passed, and processor seconds of this process."""
    started, before = time.perf_counter(), _processor()
    work()
    return time.perf_counter() - started, _processor() - before


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
