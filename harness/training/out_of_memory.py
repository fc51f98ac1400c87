"""Whether an error says that memory ran out: then a smaller batch may do, and nothing else is wrong."""

import errno

_SIGNS = (
    "out of memory",  # CUDA, HIP, XPU and MPS, from torch's allocator or from a call that failed
    "can't allocate memory",  # DefaultCPUAllocator
    "not enough memory",  # the same on Windows
    "_status_alloc_failed",  # cuBLAS and cuDNN, for their workspaces
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` was raised because memory, a GPU's or the machine's, could not be had.

    By torch (``OutOfMemoryError``, or a ``RuntimeError`` that says so), Python, NumPy, Arrow or the system.
    """
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, MemoryError) or any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)
