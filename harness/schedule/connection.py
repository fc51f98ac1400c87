"""Ray, on this machine or on a cluster, for as long as runs take."""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ...errors import UserError
from .keeper import kept


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Ray, on this machine or at an address, until the work is done.

    Raises:
        UserError: there is no cluster at the address, or Ray does not start here.
    """
    import ray
    from ray._private import ray_constants
    from ray._private import worker as messages

    # Whoever reaches Ray's ports runs code as this user: a Ray of our own listens on the loopback address alone, as
    # Ray does by itself on systems that it builds no clusters of.
    ray_constants.ENABLE_RAY_CLUSTER = address is not None
    # Ray's own usage reports, dashboards and prefixed worker output have no place in a user's terminal.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("SPT_NOENV", "1")  # titles of its processes leave the environment that marks them alone
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address is None:
        # A node that was killed is noticed within 5 seconds instead of 15; one that is slow to answer keeps its time.
        os.environ.setdefault("RAY_health_check_period_ms", "1000")
    with ExitStack() as stack:
        keeper = stack.enter_context(kept()) if address is None else None
        # Ray prints pages of its state where a node dies; what that did to runs, the pool says.
        stack.callback(setattr, messages, "print_to_stdstream", messages.print_to_stdstream)
        messages.print_to_stdstream = lambda data, ignore_prefix: None
        stack.callback(ray.shutdown)
        try:
            ray.init(address=address or "local", include_dashboard=False if address is None else None,
                     log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True)
        except Exception as error:  # Ray raises a bare one where a node is slow to start
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            if address is None:
                raise UserError(f"Ray does not start: {reason}; try again when this machine is less busy, or "
                                "give --in-process") from error
            raise UserError(f"--address {address}: {reason}; start a cluster with: ray start --head. One that asks for "
                            "a token is joined with --address auto, or with RAY_AUTH_MODE=token") from None
        if keeper:
            keeper.begun()
        yield ray
