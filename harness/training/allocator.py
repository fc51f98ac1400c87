"""Keeps freed memory in the process while a run trains.

glibc hands every large block back to the system, so that each step's activations are mapped and zeroed again: on small
models that is a tenth of the time.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt's names for them
_LARGEST_MMAP_THRESHOLD = 32 * 2**20  # glibc refuses more on 64-bit machines


def keep_freed_memory() -> None:
    """Raise glibc's thresholds; does nothing where the C library is another."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if hasattr(libc, "mallopt"):
        libc.mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
