"""Memory that ran out is told from everything else that goes wrong, by real errors where a CPU can raise them."""

import errno
import os
import resource

import numpy as np
import pyarrow as pa
import pytest
import torch

from partbench.harness.training.out_of_memory import is_out_of_memory

HUGE = 2**47  # bytes: more than any machine maps


def _mapped():
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def _status():
    raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


def _call():
    raise torch.AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported")


def _cache():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 1 GiB")


@pytest.mark.parametrize("exhaust", [
    lambda: torch.empty(HUGE, dtype=torch.uint8), lambda: np.ones(HUGE), lambda: bytearray(HUGE),
    lambda: pa.allocate_buffer(HUGE), _mapped, _status, _call, _cache,
], ids=["torch", "numpy", "python", "arrow", "system", "cublas", "cuda call", "cuda allocator"])
def test_memory_that_ran_out_is_known_whoever_says_so(exhaust):
    with pytest.raises((RuntimeError, MemoryError, OSError)) as raised:
        exhaust()
    assert is_out_of_memory(raised.value)


@pytest.mark.parametrize("fail", [
    lambda: torch.zeros(2, 3) @ torch.zeros(2, 3), lambda: torch.nn.Linear(2, 2).load_state_dict({}),
    lambda: torch.empty(-1), lambda: open("/nowhere/at/all"), lambda: resource.setrlimit(-5, (0, 0)),
], ids=["shapes", "state", "size", "file", "value"])
def test_other_errors_are_not_taken_for_it(fail):
    with pytest.raises((RuntimeError, OSError, ValueError)) as raised:
        fail()
    assert not is_out_of_memory(raised.value)
