"""How a run ended."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: ``done``, ``failed``, ``out_of_memory``, ``timeout``, ``interrupted``, ``lost``: its process or its
            machine is gone, or ``refused``: the request cannot work, no row is written.
        certain: it would end like this again.
        kept: its row is written.
    """

    run_id: str
    status: str
    error: str = ""
    certain: bool = False
    kept: bool = False
