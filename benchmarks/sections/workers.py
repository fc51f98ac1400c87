"""The same runs by one worker and by two: a Ray of one processor, and one of two."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .commands import harness
from .row import Row


def rows(quick: bool, threads: int) -> Iterator[Row]:
    if len(os.sched_getaffinity(0)) < 2:
        yield Row("two workers", note="this machine has one processor")
        return
    from ray.cluster_utils import Cluster

    took = {}
    for workers in (1, 2):
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": workers, "include_dashboard": False})
        try:
            with tempfile.TemporaryDirectory() as folder:
                took[workers] = harness(
                    "run", "--methods", "linear_probe,prompt_cam", "--dataset", "synthetic_birds", "--seeds", "0,1",
                    "--epochs", 2 if quick else 11, "--protocol", "accuracy", "--threads", 1, "--address",
                    cluster.address, "--out", Path(folder) / "results",
                    environment={"PARTBENCH_CACHE": str(Path(folder) / "cache"), "RAY_AUTH_MODE": "disabled"})
        finally:
            cluster.shutdown()
        yield Row(f"four runs by {workers} worker{'s' if workers > 1 else ''}", took[workers], "s")
    yield Row("one worker's time over two workers'", took[1] / took[2], "times")
