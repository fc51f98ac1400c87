"""Insertion and deletion of a trained run: adaptive steps and RISE's 28 against all 224, in error, forwards and time.

    python benchmarks/adaptive_steps.py --data-root CUB_200_2011 --weights WEIGHTS.pth --run results/runs/RUN_ID

The three take turns on each batch of images in one process, so a machine whose speed drifts slows all of them.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import Tensor

from partbench import datasets, metrics
from partbench.harness.loaders import Normalise
from partbench.harness.training.checkpoint import load_checkpoint
from partbench.methods import Batch, Method, create, load_backbone
from partbench.metrics import Protocol, auc

PROTOCOL = Protocol()
WAYS = {"224 steps": (224, None), "RISE's 28": (28, None), "adaptive": (224, PROTOCOL.fidelity_forwards)}
IMAGES = 10  # at once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--weights", required=True, help="of the run's backbone")
    parser.add_argument("--run", type=Path, required=True, help="folder of a finished run")
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--split", choices=("train", "val", "test"), default="test")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    spec = json.loads((arguments.run / "spec.json").read_text())
    data = datasets.load(spec["dataset"], root=arguments.data_root)
    method = trained(arguments.run, spec, arguments.weights, len(data.classes))
    part = data[arguments.split]
    chosen = torch.tensor(metrics.fidelity_subset(part.ids, part.labels.tolist(), PROTOCOL, arguments.images))
    found = {name: [] for name in WAYS}
    for some in chosen.split(IMAGES):
        scene = perturbed(method, part, some.tolist(), spec["image_size"])
        for name in WAYS:
            found[name].append(measured(method, scene, *WAYS[name]))
    print(f"{spec['methods'][0]} on {len(chosen)} images of {spec['dataset']} {arguments.split}")
    report(found)


def trained(run: Path, spec: dict, weights: str, classes: int) -> Method:
    """The run's method as its last checkpoint left it."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    backbone = load_backbone(spec["backbone"], weights, spec["image_size"], device)
    name = spec["methods"][0]
    settings = {key.split(".", 1)[1]: value for key, value in spec["set"].items()
                if key.startswith(f"{name.split('@')[0]}.")}
    method = create(name, backbone, classes, **settings).to(device)
    checkpoint, problems = load_checkpoint(run / "checkpoints")
    if checkpoint is None:
        raise SystemExit(f"{run} has no whole checkpoint; {'; '.join(problems)}")
    method.load_state_dict(checkpoint.method())
    return method.eval()


@torch.no_grad()
def perturbed(method: Method, part: datasets.Split, indices: list[int], size: int) -> tuple[Tensor, ...]:
    """What both curves are made from: images, saliency, targets, insertion's start, deletion's end."""
    backbone = method.backbone
    shown = datasets.view(PROTOCOL.fidelity_view, size)
    pictures = torch.stack([shown(part[index]).image for index in indices])
    images = Normalise.of(backbone, next(method.parameters()).device)(pictures)
    explanation = method.explain(Batch(images=images), None, saliency=True)
    start, end = (metrics.substrate(images, mode, PROTOCOL, backbone.mean, backbone.std)
                  for mode in ("insertion", "deletion"))
    return images, metrics.upsample_saliency(explanation.saliency, size), explanation.logits.argmax(1), start, end


def measured(method: Method, scene: tuple[Tensor, ...], steps: int, forwards: int | None) -> tuple[Tensor, int, float]:
    """Curves [B, 2, S + 1], forwards and seconds of a batch."""
    started = time.perf_counter()
    curves = metrics.fidelity_curves(lambda pictures: method(pictures).float().softmax(1), *scene, steps, forwards)
    both = torch.stack([curves.insertion, curves.deletion], 1).cpu()
    return both, curves.forwards, time.perf_counter() - started


def report(found: dict[str, list[tuple[Tensor, int, float]]]) -> None:
    """One line for each way, and how uneven the curves are."""
    curves = {name: torch.cat([batch[0] for batch in batches]).double() for name, batches in found.items()}
    seconds = {name: sum(batch[2] for batch in batches) for name, batches in found.items()}
    every, images = curves["224 steps"], len(curves["224 steps"])
    print(f"{'':<12} {'|AUC error| insertion':>24} {'deletion':>16} {'forwards':>9} {'s/image':>8} {'time':>6}")
    print(f"{'':<12} {'mean':>16} {'95th':>7} {'mean':>8} {'95th':>7}")
    for name, curve in curves.items():
        error = (auc(curve) - auc(every)).abs()
        shares = "".join(f"{error[:, mode].mean():9.4f} {error[:, mode].quantile(0.95):7.4f}" for mode in (0, 1))
        forwards = sum(batch[1] for batch in found[name]) / images
        print(f"{name:<12} {shares:>32} {forwards:9.1f} {seconds[name] / images:8.2f} "
              f"{seconds[name] / seconds['224 steps']:6.3f}")
    # A point's distance from the line through its neighbours is 1.5 times as spread, in squares, as the points are.
    uneven = ((every[..., 1:-1] - (every[..., 2:] + every[..., :-2]) / 2) ** 2).mean(-1).div(1.5).sqrt().mean(0)
    print(f"curves jump from step to step by {uneven[0]:.3f} (insertion) and {uneven[1]:.3f} (deletion): n looks at "
          "one leave about a jump / sqrt(n)")


if __name__ == "__main__":
    main()
