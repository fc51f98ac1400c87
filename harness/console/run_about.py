"""What a run was, in a few words, from the spec that it left."""

import json
from pathlib import Path
from typing import NamedTuple

from ...durable import read_plain

_LARGEST = 1_000_000  # bytes of a spec


class About(NamedTuple):
    """What a run's spec says of it, for people."""

    method: str
    dataset: str
    seed: str
    split: str
    sweep: str
    epochs: int


def about_run(folder: Path) -> About | None:
    """What the spec in a run's folder says; None where it is missing, torn or none of ours."""
    try:
        spec = json.loads(read_plain(folder / "spec.json", _LARGEST))
        told = About(",".join(spec["methods"]), spec["dataset"], str(spec["seeds"][0]), spec["split"],
                     spec.get("sweep", ""), int(spec["epochs"]))
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None
    return told if all(isinstance(text, str) for text in told[:-1]) else None
