"""Where torch's random numbers stand, to go on from there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class RandomState:
    """The global generators' states by kind of device, "cpu" and where it is used "cuda": uint8 tensors on the CPU."""

    states: Mapping[str, Tensor]

    @classmethod
    def now(cls, device: torch.device) -> Self:
        """Of the CPU, and of ``device`` where that is a GPU."""
        states = {"cpu": torch.get_rng_state()}
        if device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(device)
        return cls(states)

    def restore(self, device: torch.device) -> None:
        """Go on from here; a GPU's state counts for nothing where ``device`` is none, and the other way round.

        Raises:
            RuntimeError, TypeError: these are no states of generators.
        """
        torch.set_rng_state(self.states["cpu"])
        if device.type == "cuda" and "cuda" in self.states:
            torch.cuda.set_rng_state(self.states["cuda"], device)
