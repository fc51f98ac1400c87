"""`harness doctor`: what this machine can run."""

import os
import platform
import shutil
import time
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console
from rich.table import Table

_NEEDED = ("torch", "torchvision", "timm", "torchmetrics", "ray", "numpy", "pandas", "scikit-learn", "pyarrow",
           "plotly", "pydantic", "typer", "rich", "fsspec", "safetensors")
_PROBE_IMAGES = 16


def examine(console: Console) -> int:
    """Print versions, hardware and a measured forward rate; returns 1 if something needed is missing."""
    table = Table("what", "found", box=None)
    table.add_row("python", platform.python_version())
    missing = []
    for name in _NEEDED:
        try:
            table.add_row(name, version(name))
        except PackageNotFoundError:
            missing.append(name)
            table.add_row(name, "missing", style="red")
    table.add_row("CPU", f"{platform.machine()}, {os.cpu_count()} cores")
    table.add_row("memory", f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB")
    table.add_row("disk here", f"{shutil.disk_usage('.').free / 2**30:.0f} GiB free")
    if not missing:
        for what, found in _torch():
            table.add_row(what, found)
    console.print(table)
    if missing:
        console.print(f"missing: {', '.join(missing)}; install partbench again", style="red")
    return int(bool(missing))


def _torch() -> list[tuple[str, str]]:
    import torch

    from ..methods import load_backbone

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    backbone = load_backbone("deit_tiny_patch16_224", weights="random")
    backbone.onednn = True  # as runs do
    images = torch.zeros(_PROBE_IMAGES, 3, 224, 224)
    with torch.no_grad():
        backbone.run(backbone.embed(images))
        started = time.monotonic()
        backbone.run(backbone.embed(images))
    rate = _PROBE_IMAGES / (time.monotonic() - started)
    return [("GPUs", ", ".join(gpus) or "none: runs use the CPU"),
            ("DeiT-Ti at 224 px", f"{rate:.0f} images/s forward, {torch.get_num_threads()} threads")]
