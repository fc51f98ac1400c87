"""Pictures read by worker processes: the same batches, bit for bit, for any number of them."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..datasets import Sample
from ..errors import UserError

_MOST_WORKERS = 4
_ARRAYS = ("keypoints", "visible", "part_masks", "object_mask")


def decoding_workers(threads: int, cores: int | None = None) -> int:
    """How many worker processes read pictures for one run.

    None where the run has a single core: a second process would only take turns with it. Else as many as there are
    cores beyond the run's threads, at least one, so that reading and learning overlap, and at most four.

    Args:
        threads: torch threads of the run.
        cores: CPU cores that the run has to itself: the machine's, divided by the runs side by side. None: those that
            this process may use, for a run that is alone.
    """
    if cores is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(_MOST_WORKERS, cores - threads)) if cores > 1 else 0


@dataclass(frozen=True)
class Pictures:
    """A batch as it was read.

    Attributes:
        images: uint8 [B, 3, H, W], in pinned memory where that was asked for.
        samples: B samples without image.
    """

    images: Tensor
    samples: list[Sample]


class Reader:
    """Reads batches of samples, in worker processes that live as long as the reader.

    The processes have one torch thread each, the run's niceness, and end with the reader, or within seconds of the
    run's own process, however that ended.

    Args:
        read: key -> finished sample; picklable, and dependent on its key alone.
        workers: number of processes; 0 reads in this one.
        pinned: in pinned memory, from which a GPU copies while it computes.
    """

    def __init__(self, read: Callable[[Any], Sample], workers: int, pinned: bool):
        self._keys = _Keys()
        # A generator of its own: the loader would draw from the global one, and dropout with it.
        self._loader = DataLoader(_Batches(read), batch_sampler=self._keys, collate_fn=_as_it_is, num_workers=workers,
                                  persistent_workers=workers > 0, pin_memory=pinned, generator=torch.Generator(),
                                  worker_init_fn=_leave_interrupts_to_the_run)

    def batches(self, keys: Iterable[Sequence[Any]]) -> Iterator[Pictures]:
        """One batch for each list of keys, in their order; lists are taken as pictures are read, some ahead.

        Raises:
            UserError: a picture is missing or damaged.
            RuntimeError: other batches were asked for before these were all read.
        """
        self._keys.batches = keys
        for batch in self._loader:
            if self._keys.batches is not keys:
                raise RuntimeError("these batches share their processes with others that were begun meanwhile; read "
                                   "one sequence to its end before the next")
            if isinstance(batch, UserError):
                raise batch
            yield Pictures(torch.as_tensor(batch.images), [_each(sample, torch.from_numpy) for sample in batch.samples])


class _Keys:
    batches: Iterable[Sequence[Any]] = ()

    def __iter__(self) -> Iterator[Sequence[Any]]:
        return iter(self.batches)


@dataclass(frozen=True)
class _Packed:
    """Arrays and no tensors: those would each hold a file of shared memory open on their way."""

    images: np.ndarray | Tensor
    samples: list[Sample]

    def pin_memory(self) -> "_Packed":
        return replace(self, images=torch.from_numpy(self.images).pin_memory())


@dataclass(frozen=True)
class _Batches:
    """What a worker process is given: keys -> a packed batch, or the error that a user can mend."""

    read: Callable[[Any], Sample]

    def __getitems__(self, keys: Sequence[Any]) -> _Packed | UserError:
        try:
            samples = [self.read(key) for key in keys]
        except UserError as error:
            return error  # raised here, it would arrive with a traceback in its text
        images = torch.stack([sample.image for sample in samples]).numpy()
        return _Packed(images, [_each(replace(sample, image=None), Tensor.numpy) for sample in samples])


def _each(sample: Sample, change: Callable) -> Sample:
    known = {name: getattr(sample, name) for name in _ARRAYS}
    return replace(sample, **{name: change(value) for name, value in known.items() if value is not None})


def _as_it_is(batch: Any) -> Any:
    return batch


def _leave_interrupts_to_the_run(worker: int) -> None:
    """A terminal's Ctrl-C reaches every process; the run decides when its workers end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
