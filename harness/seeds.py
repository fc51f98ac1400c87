"""Random streams that depend on what they are for, never on what ran before: a resumed run draws the same numbers."""

import hashlib

import torch


def derive(*parts: object) -> int:
    """A seed below 2^63 from any parts, such as (run seed, "augment", epoch, image id)."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: object) -> torch.Generator:
    """A CPU generator seeded by :func:`derive`."""
    return torch.Generator().manual_seed(derive(*parts))
