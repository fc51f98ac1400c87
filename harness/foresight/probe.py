"""A measured forward pass, for estimates where no finished run tells how fast this hardware is."""

import time

from ..plan import Job
from .observed import Observation, Place

_IMAGES = {"cpu": 4, "cuda": 64}
_LONG_ENOUGH = 1.0  # seconds of measuring


def forward_pass(job: Job) -> Observation:
    """Time plain forward passes of a run's backbone, with weights that nobody trained, as the run would make them.

    Takes some seconds: it imports torch.
    """
    import torch

    from ...methods import Backbone, load_backbone
    from ..results.provenance import hardware

    device, spec = torch.device("cuda" if torch.cuda.is_available() else "cpu"), job.spec
    before, passes = torch.get_num_threads(), 0
    torch.set_num_threads(spec.threads)
    try:
        backbone = load_backbone(spec.backbone, "random", spec.image_size, device)
        backbone.onednn = True  # as runs do
        images = torch.zeros(_IMAGES[device.type], 3, spec.image_size, spec.image_size, device=device)

        def forward() -> None:
            if isinstance(backbone, Backbone):
                backbone.run(backbone.embed(images))
            else:
                backbone.features(images)
            if device.type == "cuda":
                torch.cuda.synchronize()

        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=spec.precision == "bf16"):
            forward()  # the first one sets things up
            started = time.monotonic()
            while (seconds := time.monotonic() - started) < _LONG_ENOUGH:
                forward()
                passes += 1
    finally:
        torch.set_num_threads(before)
    place = Place("score", "", "", spec.backbone, spec.image_size, "", hardware(device), spec.threads, spec.precision,
                  len(images), 1, time.time() / 86400, float(passes * len(images)))
    return Observation(place, seconds)
