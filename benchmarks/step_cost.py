"""Cost of one training step in plain backbone forwards of the same batch, with images/s and memory.

    python benchmarks/step_cost.py
    python benchmarks/step_cost.py --backbone vit_base_patch14_reg4_dinov2 --image-size 518 --precision bf16

Step and forward take turns in one process, so a machine whose speed drifts slows both; the ratio is a median. Memory of
a row is the peak of its step above what the process held after imports (on a GPU: the peak allocated).
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from partbench.harness.allocator import keep_freed_memory
from partbench.methods import Batch, create, load_backbone

ROWS = {
    "ivpt": ("ivpt", 40, {}),
    "ivpt, train_embeddings": ("ivpt", 40, {"train_embeddings": True}),
    "prompt_cam, 10 agnostic, 40 classes": ("prompt_cam", 40, {}),
    "prompt_cam, 10 agnostic, 200 classes": ("prompt_cam", 200, {}),
    "prompt_cam@faithful, 40 classes": ("prompt_cam@faithful", 40, {}),
    "prompt_cam@faithful, 200 classes": ("prompt_cam@faithful", 200, {}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="deit_tiny_patch16_224")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--row", choices=ROWS, help="measure this row in this process; else each in its own")
    arguments = parser.parse_args()
    if arguments.row:
        print(measure(arguments.row, arguments), flush=True)
        return
    print(f"{'row':<40} {'forwards':>8} {'min':>6} {'max':>6} {'images/s':>9} {'MiB':>7}", flush=True)
    for row in ROWS:
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--row", row], check=True)


def measure(row: str, arguments: argparse.Namespace) -> str:
    """One line of the table."""
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()  # as every run does
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    before = peak(device)
    name, classes, settings = ROWS[row]
    backbone = load_backbone(arguments.backbone, "random", arguments.image_size, device)
    torch.manual_seed(0)
    method = create(name, backbone, classes, **settings).to(device).train()
    stage = method.stages(1)[0]
    optimiser = stage.optimiser(stage.param_groups())
    images = torch.randn(arguments.batch_size, 3, arguments.image_size, arguments.image_size, device=device)
    batch = Batch(images=images, labels=torch.arange(arguments.batch_size, device=device) % classes)
    if "warped" in method.views:
        batch = batch.with_warp()
    cast = torch.autocast(device.type, torch.bfloat16, enabled=arguments.precision == "bf16")

    def forward() -> None:
        with torch.no_grad(), cast:
            backbone.norm(backbone.run(backbone.embed(images)))

    def step() -> None:
        with cast:
            total = sum(method.loss(batch).values())
        optimiser.zero_grad()
        total.backward()
        optimiser.step()

    step()
    memory = peak(device) - (0 if device.type == "cuda" else before)
    forward()
    pairs = [(timed(step, device), timed(forward, device)) for _ in range(arguments.rounds)]
    ratios = [one / other for one, other in pairs]
    rate = arguments.batch_size / statistics.median(one for one, _ in pairs)
    return (f"{row:<40} {statistics.median(ratios):8.2f} {min(ratios):6.2f} {max(ratios):6.2f} {rate:9.1f} "
            f"{memory:7.0f}")


def timed(work: Callable[[], None], device: torch.device) -> float:
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def peak(device: torch.device) -> float:
    """MiB: the most that was allocated on a GPU, or resident in the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
