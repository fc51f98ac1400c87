"""A run's spec.json: the run as `harness run --config` takes it."""

from typing import Any

from ...metrics.protocol import SUBSETS, Protocol, protocols
from ..plan import Job


def saved_spec(job: Job) -> dict[str, Any]:
    """The run as `harness run --config` takes it, every default written out."""
    spec = job.spec
    return {
        "methods": [spec.name],
        "set": {f"{name}.{key}": value for name, settings in (
            (spec.method, spec.settings), (spec.dataset, spec.dataset_options), ("protocol", _changed(job.protocol)))
            for key, value in settings.items()},
        "dataset": spec.dataset, "data_root": job.data_root, "decoded_side": job.decoded_side,
        "backbone": spec.backbone, "weights": job.weights, "image_size": spec.image_size,
        "epochs": spec.epochs, "batch_size": spec.batch_size, "seeds": [spec.seed], "rate_factors": [spec.rate_factor],
        "preset": spec.preset, "fit_on": spec.fit_on, "split": job.split, "precision": spec.precision,
        "threads": spec.threads, "prefix_store": job.prefix_store,
        "gradient_checkpointing": job.gradient_checkpointing, "protocol": job.protocol.name,
        "fidelity_images": job.protocol.fidelity_images, "sweep": job.sweep, "out": job.remote or job.out,
    }


def _changed(protocol: Protocol) -> dict[str, Any]:
    """Settings that the user changed; how many images are perturbed follows from the preset."""
    named = protocols[protocol.name].model_dump()
    return {name: value for name, value in protocol.model_dump().items()
            if value != named[name] and name not in (*SUBSETS, "metric_versions")}
