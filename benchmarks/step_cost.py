"""Cost of one training step in plain backbone forwards of the same batch, with images/s and memory.

    python benchmarks/step_cost.py
    python benchmarks/step_cost.py --methods protopnet,ivpt@bias --backbone vit_base_patch16_224 --precision bf16
    python benchmarks/step_cost.py --methods ivpt --backbone vit_base_patch14_dinov2 --image-size 518 --batch-size 2

Every method and every variant that trains otherwise, stage by stage where stages train different parameters; "stored
tokens" is the step of a method whose frozen blocks a run computes once, "plain formulation" one of a loss written as
papers and public code write it (``ivpt@public`` is what IVPT's public code trains, though without its repeated work).
Below each method stands what its card calls step_cost: the mean over its recipe, storing included. Step and forward
take turns in one process, so a machine whose speed drifts slows both; the ratio is a median. The forward is timm's own.
With one thread the processor's time counts, which says the same on a machine that others use too. Memory of a row is
the peak of its step above what the process held after imports (on a GPU: the peak allocated).
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from partbench.harness.prefix.choice import LIMIT, views_seen, views_to_store
from partbench.harness.training.allocator import keep_freed_memory
from partbench.methods import Batch, Loaders, Method, create, load_backbone, registry
from partbench.methods.contract import plain
from partbench.methods.optimising import Optimisers, descend, forward_loss

TOLD = {"no": "", "stored": ", stored tokens", "plain": ", plain formulation"}
IMAGES = 5394  # of an epoch, on which depends how many views can be stored: CUB's


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", help="names with commas; else all, with their variants")
    parser.add_argument("--backbone", default="deit_tiny_patch16_224")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--classes", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=25, help="of the recipe whose stages are measured")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--row", nargs=3, metavar=("METHOD", "STAGE", "STORED"),
                        help="measure this row in this process, STORED being no, stored or plain; else each in its own")
    arguments = parser.parse_args()
    if arguments.row:
        name, stage, stored = arguments.row
        print(json.dumps(measure(name, int(stage), stored, arguments)), flush=True)
        return
    print(f"{'method':<24} {'stage':<24} {'forwards':>8} {'min':>6} {'max':>6} {'images/s':>9} {'MiB':>7}", flush=True)
    for name in arguments.methods.split(",") if arguments.methods else trained_names():
        table(name, arguments)


def trained_names() -> Iterator[str]:
    """Every method, and its variants that change more than the explanation and are not the method itself."""
    for card in registry.cards.values():
        yield card.name
        for variant, changes in card.variants.items():
            if not set(changes) <= set(card.explaining) and card.resolve(variant) != card.resolve():
                yield f"{card.name}@{variant}"


def table(name: str, arguments: argparse.Namespace) -> None:
    """The rows of one method, and their mean over its recipe."""
    method = built(name, arguments)
    prefix = method.card.prefix(method.settings)
    views = views_to_store(prefix, arguments.backbone, arguments.image_size, IMAGES, LIMIT)
    mean = 0.0
    if views:  # each is computed once, and its warped copy with it
        share = 1 - prefix.left / max(1, method.backbone.depth)
        mean = share * (1 + prefix.warped) * views_seen(arguments.epochs, views) / arguments.epochs
    for number, (stage, epochs) in distinct_stages(method, arguments.epochs).items():
        for stored in ways(method, number, bool(views)):
            row = [sys.executable, __file__, *sys.argv[1:], "--row", name, str(number), stored]
            found = json.loads(subprocess.run(row, check=True, capture_output=True, text=True).stdout)
            print(f"{name:<24} {stage + TOLD[stored]:<24} {found['forwards']:8.2f} {found['low']:6.2f} "
                  f"{found['high']:6.2f} {found['rate']:9.1f} {found['memory']:7.0f}", flush=True)
        mean += found["forwards"] * epochs / arguments.epochs  # of the stored row, where there is one
    print(f"{name:<24} {'step_cost':<24} {mean:8.2f}", flush=True)


def ways(method: Method, number: int, stored: bool) -> list[str]:
    """How a stage's step can be done: by a plain formulation where there is one, ours, and last from stored tokens."""
    first = number == next(iter(distinct_stages(method, method.card.epochs["default"])))
    written = first and method.card.name in plain.LOSSES and method.finetuned is None
    return ["plain"] * (written and _as_written(method)) + ["no"] + ["stored"] * stored


def _as_written(method: Method) -> bool:
    """Whether the plain formulation is that of these settings."""
    of = dict(method.settings)
    return of.get("design", "grouped") == "grouped" and of.get("depth", "deep") == "deep" and not of.get("isolate")


def built(name: str, arguments: argparse.Namespace) -> Method:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    backbone = load_backbone(arguments.backbone, "random", arguments.image_size, device)
    torch.manual_seed(0)
    return create(name, backbone, arguments.classes).to(device)


def distinct_stages(method: Method, epochs: int) -> dict[int, tuple[str, int]]:
    """Stages that train different parameters, by the number of the first such: its name, and their epochs together."""
    stages = method.stages(epochs)
    found: dict[frozenset, int] = {}
    shares: dict[int, tuple[str, int]] = {}
    for number, stage in enumerate(stages):
        if not stage.epochs:
            continue
        trained = frozenset(id(parameter) for group in stage.param_groups() for parameter in group["params"])
        first = found.setdefault(trained, number)
        name, before = shares.get(first, (stage.name, 0))
        shares[first] = name, before + stage.epochs
    return shares


def measure(name: str, number: int, way: str, arguments: argparse.Namespace) -> dict[str, float]:
    """One row: forwards (median, least and most of the rounds), images a second, MiB."""
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()  # as every run does
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    before = peak(device)
    method = built(name, arguments)
    backbone = method.backbone
    images = torch.randn(arguments.batch_size, 3, arguments.image_size, arguments.image_size, device=device)
    batch = Batch(images=images, labels=torch.arange(arguments.batch_size, device=device) % arguments.classes,
                  ids=tuple(map(str, range(arguments.batch_size))))
    step = training_step(method, number, batch, way == "stored", arguments, way == "plain")

    def forward() -> None:
        backbone.onednn = False
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=arguments.precision == "bf16"):
            backbone.norm(backbone.run(backbone.embed(images)))

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    step()
    memory = peak(device) - (0 if device.type == "cuda" else before)
    forward()
    pairs = [(timed(step, device), timed(forward, device)) for _ in range(arguments.rounds)]
    ratios = [one / other for one, other in pairs]
    return {"forwards": statistics.median(ratios), "low": min(ratios), "high": max(ratios), "memory": memory,
            "rate": arguments.batch_size / statistics.median(one for one, _ in pairs)}


def training_step(method: Method, number: int, batch: Batch, stored: bool, arguments: argparse.Namespace,
                  plainly: bool = False) -> Callable[[], None]:
    """A step of stage ``number``, after what it and the stages before it prepare.

    ``stored``: the frozen blocks' output is given. ``plainly``: the loss is the plain formulation.
    """
    stages = method.stages(arguments.epochs)
    optimisers = Optimisers(method, stages)
    for index in range(number + 1):
        stages[index].prepare(Loaders([batch], [batch]))
        optimiser = optimisers.of(index)
    if "warped" in method.views:
        batch = batch.with_warp()
    if stored:
        with torch.no_grad():
            other = batch.warped and replace(batch.warped, images=None, tokens=method.tokens(batch.warped))
            batch = replace(batch, images=None, tokens=method.tokens(batch), warped=other)
    stages[number].enter(0)
    method.train()

    def loss() -> torch.Tensor:
        if plainly:
            with torch.autocast(batch.device.type, torch.bfloat16, enabled=arguments.precision == "bf16"):
                return plain.LOSSES[method.card.name](method, batch)
        return torch.stack(list(forward_loss(method, batch, arguments.precision).values())).sum()

    def step() -> None:
        method.backbone.onednn = not plainly  # as every run does
        optimiser.zero_grad()
        loss().backward()
        descend(stages[number], optimiser)

    return step


def timed(work: Callable[[], None], device: torch.device) -> float:
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    started = clock()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - started


def peak(device: torch.device) -> float:
    """MiB: the most that was allocated on a GPU, or resident in the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
