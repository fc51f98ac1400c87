"""What a run is: everything that its numbers depend on, and the id made of it."""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: the same content gives the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


class RunSpec(BaseModel):
    """One training: the same spec gives the same weights. No path, device or protocol is part of it.

    Attributes:
        settings: the method's settings, defaults resolved.
        weights: digest of the weights' file, ``timm:<name>`` for a download, or ``random``.
        threads: torch threads; sums depend on them in the last bit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    variant: str
    method_version: int
    settings: dict[str, Any]
    dataset: str
    dataset_options: dict[str, Any]
    dataset_fingerprint: str
    backbone: str
    weights: str
    image_size: int
    seed: int
    epochs: int
    batch_size: int
    precision: Literal["fp32", "bf16"]
    threads: int
    fit_on: Literal["train", "train+val"]
    preset: str

    @property
    def name(self) -> str:
        """``method`` or ``method@variant``."""
        return f"{self.method}@{self.variant}" if self.variant else self.method

    @property
    def run_id(self) -> str:
        """First 16 hex digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(canonical(self.model_dump(mode="json")).encode()).hexdigest()[:16]
