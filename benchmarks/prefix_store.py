"""Training with stored views: cold, warm, and beside training that draws every image anew.

    python benchmarks/prefix_store.py --data PATH/TO/CUB_200_2011 --weights deit_tiny_patch16_224.pth
    python benchmarks/prefix_store.py --dataset synthetic_birds --backbone vit_birds_patch8_96 --image-size 96

Epochs of the three take turns in one process, so a machine whose speed drifts slows all of them; the ratio is a median.
A cold epoch computes the view that it shows, which no other run has to do again. The store is a folder of its own,
removed at the end.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import torch

from partbench.harness.config import make_config
from partbench.harness.decoding import decoding_workers
from partbench.harness.plan import Job, make_plan
from partbench.harness.prefix.choice import store_folder
from partbench.harness.progress import Reporter
from partbench.harness.training.allocator import keep_freed_memory
from partbench.harness.trial import Trial

KINDS = ("no store", "cold", "warm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", default="ivpt,linear_probe,protopnet")
    parser.add_argument("--dataset", default="cub")
    parser.add_argument("--data")
    parser.add_argument("--backbone", default="deit_tiny_patch16_224")
    parser.add_argument("--weights", default="random")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    keep_freed_memory()
    print(f"{'method':<16} {'training':<10} {'images/s':>9} {'of no store':>12} {'min':>6} {'max':>6}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PARTBENCH_CACHE"] = folder
        for method in arguments.methods.split(","):
            table(method, arguments, Path(folder))


def table(method: str, arguments: argparse.Namespace, folder: Path) -> None:
    """The rows of one method."""
    jobs = {kind: job_of(method, arguments, folder / "results", kind) for kind in KINDS}
    images = 0
    rounds: list[dict[str, float]] = []
    for _ in range(arguments.rounds):
        shutil.rmtree(store_folder(), ignore_errors=True)
        seconds = {}
        for kind in KINDS:
            shutil.rmtree(folder / "results", ignore_errors=True)
            seconds[kind], images = epoch(jobs[kind], folder)
        rounds.append(seconds)
    for kind in KINDS:
        ratios = [seconds[kind] / seconds["no store"] for seconds in rounds]
        rate = images / statistics.median(seconds[kind] for seconds in rounds)
        print(f"{method:<16} {kind:<10} {rate:9.1f} {statistics.median(ratios):12.2f} {min(ratios):6.2f} "
              f"{max(ratios):6.2f}", flush=True)


def job_of(method: str, arguments: argparse.Namespace, out: Path, kind: str) -> Job:
    request = {"methods": method, "dataset": arguments.dataset, "data_root": arguments.data, "epochs": 1,
               "backbone": arguments.backbone, "weights": arguments.weights, "image_size": arguments.image_size,
               "threads": arguments.threads, "protocol": "accuracy", "out": str(out), "in_process": True}
    return make_plan(make_config({key: value for key, value in request.items() if value is not None} | (
        {"prefix_store": 0} if kind == "no store" else {}))).jobs[0]


def epoch(job: Job, folder: Path) -> tuple[float, int]:
    """Seconds of the training of one epoch, and its images."""
    trial = Trial(job, folder / "results" / "runs" / job.run_id, Reporter(), decoding_workers(job.spec.threads))
    trial.prepare()
    trainee = trial.trainee()
    started = time.perf_counter()
    trainee.train()
    if trial.device.type == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    trial.release()
    return seconds, len(trainee.images)


if __name__ == "__main__":
    main()
