"""Every method at 518 pixels with DINOv2-B in bfloat16, batch 16, where there is a GPU."""

from collections.abc import Iterator

import step_cost
import torch

from .row import Row
from .steps import measured

_FLAGS = {"backbone": "vit_base_patch14_dinov2", "image-size": 518, "batch-size": 16, "epochs": 25, "precision": "bf16",
          "classes": 200, "threads": 4}
_SIDE = 8192


def rows(quick: bool, threads: int) -> Iterator[Row]:
    if not torch.cuda.is_available():
        yield Row("518 pixels, DINOv2-B, bfloat16", note="no GPU here")
        return
    names = ("ivpt", "prompt_cam", "protopnet", "linear_probe") if quick else tuple(step_cost.trained_names())
    yield Row(f"GPU: {torch.cuda.get_device_name()}")
    yield _product()
    yield from measured(names, {**_FLAGS, "rounds": 5 if quick else 15}, "518 pixels, bf16")


def _product() -> Row:
    """What a plain matrix product in bfloat16 reaches."""
    matrix = torch.randn(_SIDE, _SIDE, device="cuda", dtype=torch.bfloat16)
    seconds = [step_cost.timed(lambda: matrix @ matrix, matrix.device) for _ in range(12)][2:]
    return Row.of(f"matrix product of {_SIDE} x {_SIDE}", [2 * _SIDE**3 / one / 1e12 for one in seconds], "TFLOP/s")
