"""What this machine offers to runs, told without torch."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass

from ..config import Request

_ANSWER = 20.0  # seconds that the GPU's driver gets to answer


@dataclass(frozen=True)
class Machine:
    """Hardware as rows name it.

    Attributes:
        hardware: what a run works on.
        gpus: that a run takes with all its processes; 0 where it works on the CPU.
        at_once: runs side by side; None where it is a cluster's to say.
    """

    hardware: str
    gpus: float
    at_once: int | None


def cpu() -> str:
    """``x86_64, 16 cores``."""
    return f"{platform.machine()}, {os.cpu_count()} cores"


def gpu_names() -> list[str]:
    """Of the GPUs that a process started here may use."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if seen is not None and seen.strip() in ("", "-1"):
        return []
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        told = subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True,
                              text=True, check=True, timeout=_ANSWER)
    except (OSError, subprocess.SubprocessError):
        return []  # a driver that does not answer has no GPU to offer
    names = [line.strip() for line in told.stdout.splitlines() if line.strip()]
    return names if seen is None else names[:len(seen.split(","))]


def this_machine(config: Request) -> Machine:
    """Where the runs of a request would work, if they worked here."""
    names = [] if config.gpus_per_run == 0 else gpu_names()
    share = (1.0 if config.gpus_per_run is None else config.gpus_per_run) if names else 0.0
    cores = os.cpu_count() or 1
    fits = [cores // min(config.threads, cores)] + ([int(len(names) / share)] if share else [])
    fits += [_memory() // config.memory_per_run] if config.memory_per_run else []
    at_once = 1 if config.in_process else max(1, min(fits) // config.workers_per_run)
    return Machine(names[0] if names else cpu(), share * config.workers_per_run, None if config.address else at_once)


def _memory() -> int:
    """Bytes of main memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
