"""Time of the peak search beside other ways to it, of scoring a whole test set, and of the intervals, on one core.

    python benchmarks/metrics.py
    python benchmarks/metrics.py --data-root CUB_200_2011 --weights WEIGHTS.pth --run results/runs/RUN_ID

With a run, its trained method's part maps are searched, clean and noisy; without, smooth synthetic ones. The ways take
turns in one process, and seconds are the processor's, so that neither a machine whose speed drifts nor its other work
decides; times and ratios are medians. Scoring runs in a process of its own; its memory is what its peak stands above
what it held after imports.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from adaptive_steps import trained
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from partbench import datasets, metrics
from partbench.harness.loaders import Normalise, clean_batches
from partbench.methods import Batch
from partbench.metrics import Protocol

try:
    import cv2
except ModuleNotFoundError:  # no dependency of partbench
    cv2 = None

PROTOCOL = Protocol(noise_draws=1)
IMAGES, CLASSES, PARTS, KEYPOINTS = 5794, 200, 10, 15  # CUB-200-2011's test images, as IVPT's parts are scored
CANVAS = PROTOCOL.canvas
SEARCHED, OTHERS = 1280, 64  # maps each way finds the peaks of in its turn; the slow ones fewer
RESAMPLES = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root")
    parser.add_argument("--weights", help="of the run's backbone")
    parser.add_argument("--run", type=Path, help="folder of a finished run")
    parser.add_argument("--images", type=int, default=320, help="images whose maps are made, of --split")
    parser.add_argument("--split", choices=("train", "val", "test"), default="test")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--score", type=Path, help=argparse.SUPPRESS)  # maps that a process of its own scores
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.score:
        score(arguments.score)
        return
    if arguments.run and not (arguments.data_root and arguments.weights):
        parser.error("--run needs --data-root and --weights")
    made = real_maps(arguments) if arguments.run else {"smooth, synthetic": smooth_maps(SEARCHED, 14)}
    compare(made | random_maps(), arguments.rounds)
    name, maps = next(iter(made.items()))
    print(f"\nscoring {IMAGES:,} images x {PARTS} parts, clean and noisy ({name}):", flush=True)
    with tempfile.NamedTemporaryFile(suffix=".pt") as file:
        torch.save(maps, file.name)
        subprocess.run([sys.executable, __file__, "--score", file.name], check=True)
    print(f"\nintervals, {RESAMPLES:,} resamples of {IMAGES:,} items in {CLASSES} classes:")
    intervals()


@torch.no_grad()
def real_maps(arguments: argparse.Namespace) -> dict[str, Tensor]:
    """Per level of a trained run, the one with most parts first: maps [M, h, w] of its images, clean and noisy."""
    spec = json.loads((arguments.run / "spec.json").read_text())
    data = datasets.load(spec["dataset"], root=arguments.data_root)
    method = trained(arguments.run, spec, arguments.weights, len(data.classes))
    name, found = spec["methods"][0], {}
    normalise = Normalise.of(method.backbone, next(method.parameters()).device)
    view = datasets.view(PROTOCOL.part_view, spec["image_size"])
    for number, clean in enumerate(clean_batches(data[arguments.split], view, normalise, 32)):
        if number * 32 >= arguments.images:
            break
        noisy = metrics.noisy(clean.batch.images, clean.batch.ids, 0, PROTOCOL)
        for images in (clean.batch.images, noisy):
            explanation = method.explain(Batch(images=images), clean.batch.labels, saliency=False)
            for level, maps in explanation.all_levels().items():
                found.setdefault(f"{name}, {level}", []).append(maps.part_maps.float().flatten(0, 1).cpu())
    return {level: torch.cat(maps) for level, maps in sorted(found.items(), key=lambda item: -len(item[1][0]))}


def smooth_maps(number: int, size: int) -> Tensor:
    noise = torch.randn(number, 1, size, size, generator=torch.Generator().manual_seed(0))
    return avg_pool2d(avg_pool2d(noise, 3, 1, 1), 3, 1, 1)[:, 0]


def random_maps() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {f"random {size}": torch.rand(SEARCHED, size, size, generator=generator) for size in (7, 14, 16, 37)}


def by_torch(maps: Tensor) -> None:
    interpolate(maps[:, None], size=(CANVAS, CANVAS), mode="bicubic", align_corners=False).flatten(1).argmax(1)


def by_opencv(maps: Tensor) -> None:
    for some in maps.numpy():
        cv2.resize(some, (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC).argmax()


def by_products(maps: Tensor) -> None:
    """Weights of either axis as a matrix: as float32 BLAS does it, a few maps at a time."""
    y, x = (interpolate(torch.eye(size)[None, None], size=(CANVAS, size), mode="bicubic", align_corners=False)[0, 0]
            for size in maps.shape[1:])
    for some in maps.split(4):
        (y @ some @ x.T).flatten(1).argmax(1)


def by_partbench(maps: Tensor) -> None:
    metrics.peaks(maps[None], CANVAS)


WAYS = {"torch": (by_torch, OTHERS), "OpenCV": (by_opencv, OTHERS), "products": (by_products, OTHERS),
        "partbench": (by_partbench, SEARCHED)}


def compare(pools: dict[str, Tensor], rounds: int) -> None:
    """The table of microseconds per map."""
    ways = {name: way for name, way in WAYS.items() if name != "OpenCV" or cv2}
    if cv2 is None:
        print("OpenCV is not installed: its column is left out (pip install opencv-python-headless)")
    else:
        cv2.setNumThreads(1)
    against = "OpenCV" if cv2 else "torch"
    print(f"{'us per map':<28} {'grid':>6} " + " ".join(f"{name:>10}" for name in ways) + f" {'times ' + against:>14}")
    for kind, pool in pools.items():
        spent = {name: [] for name in ways}
        for _ in range(rounds):
            for name, (search, number) in ways.items():
                some = pool[:number].contiguous()
                spent[name].append(1e6 * seconds(lambda: search(some)) / len(some))  # noqa: B023 called at once
        times = [statistics.median(spent[name]) for name in ways]
        ratio = statistics.median(a / b for a, b in zip(spent[against], spent["partbench"], strict=True))
        grid = "x".join(map(str, pool.shape[1:]))
        print(f"{kind:<28} {grid:>6} " + " ".join(f"{value:10.1f}" for value in times) + f" {ratio:14.1f}", flush=True)


def seconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def score(file: Path) -> None:
    """One line: seconds and memory of scoring a test set whose maps are those of the file, again and again."""
    before = memory("VmRSS")
    maps = torch.load(file)
    labels, keypoints, visible = annotations()
    part_ids = torch.arange(PARTS).expand(IMAGES, PARTS)
    scores = {"consistency": metrics.Consistency(PROTOCOL), "stability": metrics.Stability(PROTOCOL)}
    searching = 0.0
    began = time.process_time()
    for at in torch.arange(IMAGES).split(32):
        known = keypoints[at], visible[at], labels[at], part_ids[at]
        started = time.process_time()
        clean, noisy = (metrics.peaks(drawn(maps, at + shift)) for shift in (0, 1))
        searching += time.process_time() - started
        scores["consistency"].update(clean, *known)
        scores["stability"].update(clean, noisy[None], *known)
    values = ", ".join(f"{name} {metric.compute():.3f}" for name, metric in scores.items())
    print(f"    {time.process_time() - began:.1f} s, of them {searching:.1f} s peaks; "
          f"{memory('VmHWM') - before:.0f} MiB above imports ({values})")


def drawn(maps: Tensor, images: Tensor) -> Tensor:
    """Maps [N, PARTS, h, w] of some images, out of those there are."""
    return maps[(images[:, None] * PARTS + torch.arange(PARTS)) % len(maps)]


def annotations() -> tuple[Tensor, Tensor, Tensor]:
    """Labels [N], keypoints [N, P, 2] and visible [N, P] of a test set as large as CUB's."""
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.randint(CANVAS, (IMAGES, KEYPOINTS, 2), generator=generator)
    return (torch.arange(IMAGES) % CLASSES, keypoints.float(),
            torch.rand(IMAGES, KEYPOINTS, generator=generator) < 0.8)


def intervals() -> None:
    """Seconds of each kind of interval."""
    labels, keypoints, visible = annotations()
    generator = torch.Generator().manual_seed(0)
    logits = torch.rand(IMAGES, CLASSES, generator=generator)
    places = torch.randint(CANVAS, (IMAGES, PARTS, 2), generator=generator)
    part_ids = torch.arange(PARTS).expand(IMAGES, PARTS)
    assignment = torch.where(visible, torch.randint(PARTS, visible.shape, generator=generator), -1)
    rows = {"accuracy": (metrics.Accuracy, (logits, labels)),
            "consistency": (metrics.Consistency, (places, keypoints, visible, labels, part_ids)),
            "NMI": (metrics.NMI, (assignment, labels)), "ARI": (metrics.ARI, (assignment, labels))}
    for name, (kind, values) in rows.items():
        metric = kind(PROTOCOL)
        metric.update(*values)
        print(f"    {name:<12} {seconds(lambda: metric.interval(RESAMPLES)):6.2f} s", flush=True)  # noqa: B023


def memory(kind: str) -> float:
    """MiB resident now (VmRSS) or at the most (VmHWM): getrusage would count the parent process's peak too."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[kind].split()[0]) / 1024


if __name__ == "__main__":
    main()
