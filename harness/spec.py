"""What a run is: everything that its numbers depend on, and the id made of it."""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

_USUAL = {"rate_factor": 1.0, "views": 0}


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: the same content gives the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


class Trained(BaseModel):
    """Variant and settings of the run that did the training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    variant: str
    settings: dict[str, Any]


class RunSpec(BaseModel):
    """One training: the same spec gives the same weights. No path, device or protocol is part of it.

    Attributes:
        settings: the method's settings, defaults resolved.
        weights: digest of the weights' file, ``timm:<name>`` for a download, or ``random``.
        threads: torch threads; sums depend on them in the last bit.
        rate_factor: on every learning rate of the method's recipe.
        views: stored of every image, that training shows in turn; 0: every epoch draws anew.
        trained_as: the part of variant and settings that training depends on, where explaining has settings of its own.
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
    rate_factor: float = 1.0
    views: int = 0
    trained_as: Trained | None = None

    @property
    def name(self) -> str:
        """``method`` or ``method@variant``."""
        return f"{self.method}@{self.variant}" if self.variant else self.method

    @property
    def run_id(self) -> str:
        """First 16 hex digits of the SHA-256 of the canonical JSON."""
        # What was added later is left out where it changes nothing: runs keep the ids they had before there was it.
        usual = {name for name, value in _USUAL.items() if getattr(self, name) == value}
        content = self.model_dump(mode="json", exclude={"trained_as", *usual})
        return hashlib.sha256(canonical(content).encode()).hexdigest()[:16]

    @property
    def training(self) -> "RunSpec":
        """The run that this one shares its training with; itself where it explains nothing else's."""
        return self if self.trained_as is None else self.model_copy(
            update={**dict(self.trained_as), "trained_as": None})

    @property
    def training_id(self) -> str:
        """The id of that run."""
        return self.training.run_id
