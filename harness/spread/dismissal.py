"""Ending the processes of a run, and freeing what Ray holds for them.

Ray keeps a placement group as long as the command that it was made for, whoever dies; one that nobody uses would keep
the next run waiting. Ray Train removes its own where it comes to an end itself; what it has against sudden deaths asks
Ray's dashboard, which is off.
"""

from collections.abc import Sequence
from typing import Any

_ANSWER = 2.0  # seconds


def dismiss(ray: Any, watcher: Any, others: Sequence[Any]) -> None:
    """End a :class:`~.together.Together` and the processes that it started.

    Args:
        others: those of the same command that stay.
    """
    try:
        ray.get(watcher.end.remote(), timeout=_ANSWER)
    except ray.exceptions.GetTimeoutError:
        ray.kill(watcher)
        _free(ray, others)
    except ray.exceptions.RayActorError:
        _free(ray, others)


def _free(ray: Any, others: Sequence[Any]) -> None:
    """Give back the room that this command holds for nobody; with it ends whatever still works there."""
    from ray.util.placement_group import PlacementGroup, placement_group_table, remove_placement_group

    own = ray.get_runtime_context().get_job_id()
    held = {_group(ray, other) for other in others}
    for name, row in placement_group_table().items():
        if name.endswith(own) and row["state"] != "REMOVED" and name not in held:
            remove_placement_group(PlacementGroup(ray.PlacementGroupID(bytes.fromhex(name))))


def _group(ray: Any, watcher: Any) -> str:
    try:
        return ray.get(watcher.group.remote(), timeout=_ANSWER)
    except (ray.exceptions.GetTimeoutError, ray.exceptions.RayActorError):
        return ""  # it is starting, and holds nothing yet, or it is dead
