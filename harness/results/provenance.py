"""Where a row's numbers come from: machine, versions, memory."""

import resource
from importlib.metadata import version

import torch

from ..foresight.machine import cpu


def peak_memory_mb(device: torch.device) -> float:
    """The device's peak since the run began; on a CPU the peak of the whole process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def hardware(device: torch.device) -> str:
    """What the run ran on, without a host's name."""
    return torch.cuda.get_device_name() if device.type == "cuda" else cpu()


def versions() -> dict[str, str]:
    """Installed versions of what the numbers depend on."""
    return {name: version(name) for name in ("partbench", "torch", "torchvision", "timm", "numpy")}
