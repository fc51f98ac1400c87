"""Columns that every row of a run shares: what was asked for, and what it took."""

import json
from importlib.metadata import version
from typing import Any

import torch

from ...methods import Method
from ..plan import Job
from .provenance import hardware, peak_memory_mb, versions


def requested(job: Job) -> dict[str, Any]:
    """What the rows say of the request."""
    spec = job.spec
    return {
        "run_id": job.run_id, "method": spec.method, "variant": spec.variant, "method_version": spec.method_version,
        "dataset": spec.dataset, "dataset_fingerprint": spec.dataset_fingerprint, "backbone": spec.backbone,
        "weights": spec.weights, "image_size": spec.image_size, "seed": spec.seed, "epochs": spec.epochs,
        "fit_on": spec.fit_on, "preset": spec.preset, "precision": spec.precision,
        "batch_size": spec.batch_size, "rate_factor": spec.rate_factor, "views": spec.views,
        "accumulation": job.accumulation, "workers": job.workers, "settings": json.dumps(spec.settings, sort_keys=True),
        "split": job.split, "sweep": job.sweep, "threads": spec.threads, "protocol": job.protocol.name,
        "protocol_id": job.protocol.id,
    }


def measured(method: Method, device: torch.device) -> dict[str, Any]:
    """What the rows say of the method's size and of the machine."""
    parameters = list(method.parameters())
    shared = () if method.finetuned is not None else method.backbone.parameters()
    frozen = sum(parameter.numel() for parameter in shared)
    return {
        "trainable_parameters": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        "total_parameters": sum(parameter.numel() for parameter in parameters) + frozen,
        "peak_memory_mb": peak_memory_mb(device), "device": device.type, "hardware": hardware(device),
        "versions": json.dumps(versions(), sort_keys=True), "revision": version("partbench"),
    }
