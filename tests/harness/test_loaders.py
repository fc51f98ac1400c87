"""Batches are the same bit for bit whoever reads them, and the processes that do end with the run."""

import gc
import os
import signal
import time
from dataclasses import replace
from itertools import islice
from multiprocessing import Pipe, active_children, get_context

import pytest
import torch

from partbench import datasets
from partbench.datasets.contract.look import same
from partbench.errors import UserError
from partbench.harness.decoding import decoding_workers
from partbench.harness.loaders import Normalise, TrainLoader, clean_batches

NORMALISE = Normalise(torch.full((3, 1, 1), 0.5), torch.full((3, 1, 1), 0.25), torch.device("cpu"))


@pytest.fixture(scope="module")
def data(write_tiny_cub, tmp_path_factory):
    torch.set_num_threads(1)
    return datasets.load("cub", root=write_tiny_cub(tmp_path_factory.mktemp("cub"), segmentations=True))


def loader(data, workers, transform=None, **changes):
    known = {"split": data["train"], "transform": transform or datasets.augmentation("affine_crop_flip", 32),
             "normalise": NORMALISE, "batch_size": 2, "seed": 5, "stage": "all", "warp": True, "workers": workers}
    return TrainLoader(**known | changes)


def children():
    gc.collect()
    return active_children()


def test_training_batches_are_the_same_for_any_number_of_workers(data):
    torch.manual_seed(3)
    before, read = torch.get_rng_state(), []
    for workers in (0, 1, 2):
        batches = loader(data, workers)
        left = list(islice(batches, 1))  # what a stage's prepare may do
        read.append([*left, *batches.epoch(0), *batches.epoch(1)])
        assert len(children()) == workers  # one set of processes for all epochs
    assert torch.equal(torch.get_rng_state(), before)
    for one, *others in zip(*read, strict=True):
        for other in others:
            assert (one.ids, one.epoch) == (other.ids, other.epoch)
            assert torch.equal(one.labels, other.labels)
            assert torch.equal(one.images, other.images)
            assert torch.equal(one.warped.images, other.warped.images)


def test_scored_samples_are_the_same_for_any_number_of_workers(data):
    passes = [list(clean_batches(data["test"], datasets.view("box", 32), NORMALISE, 4, workers, masks=True))
              for workers in (0, 2)]
    assert [len(clean.samples) for clean in passes[0]] == [4, 4, 1]
    for one, other in zip(*passes, strict=True):
        assert all(map(same, one.samples, other.samples))
        assert torch.equal(one.batch.images, other.batch.images)
        assert one.batch.labels.tolist() == other.batch.labels.tolist() == [sample.label for sample in one.samples]
    view = datasets.view("box", 32)
    assert all(map(same, passes[1][0].samples, map(view, [data["test"][i] for i in range(4)])))
    assert not children()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_torn_picture_is_one_line_from_any_process(workers, write_tiny_cub, tmp_path):
    torn = datasets.load("cub", root=write_tiny_cub(tmp_path))
    for split in ("train", "test"):
        os.truncate(torn[split].images[4], 300)
    for split, batches in (("train", loader(torn, workers)),
                           ("test", clean_batches(torn["test"], datasets.view("full", 32), NORMALISE, 4, workers))):
        with pytest.raises(UserError) as error:
            list(batches)
        assert str(error.value).startswith(f"image {torn[split].images[4]}: damaged")
        assert "\n" not in str(error.value)


def test_no_process_outlives_its_loader_or_an_exception(data):
    batches = loader(data, 2)
    list(islice(batches.epoch(0), 1))
    assert len(children()) == 2
    del batches
    assert not children()
    with pytest.raises(ZeroDivisionError):
        [len(clean.samples) / 0 for clean in clean_batches(data["test"], datasets.view("full", 32), NORMALISE, 1, 2)]
    assert not children()


def _begin_and_die(data, pipe):
    batches = loader(data, 2).epoch(0)
    next(batches)
    pipe.send([child.pid for child in active_children()])
    os.kill(os.getpid(), signal.SIGKILL)


def test_no_process_outlives_a_run_that_was_killed(data):
    ours, theirs = Pipe()
    run = get_context("fork").Process(target=_begin_and_die, args=(data, theirs))
    run.start()
    workers = ours.recv()
    run.join()
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not [worker for worker in workers if alive(worker)]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_interrupt_from_the_terminal_is_the_runs_to_answer(data):
    batches = loader(data, 2).epoch(0)
    next(batches), next(batches)  # one of each process: both have begun
    for worker in active_children():
        os.kill(worker.pid, signal.SIGINT)
    assert len(list(batches)) == 2


def tell(sample):
    """A picture of one pixel: torch threads, niceness, and whether this is another process."""
    told = torch.get_num_threads(), os.nice(0), os.getpid() == RUN
    return replace(sample, image=torch.tensor(told, dtype=torch.uint8).view(3, 1, 1))


RUN = os.getpid()


def test_workers_have_one_thread_and_the_niceness_of_the_run(data):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        pictures = [next(iter(loader(data, workers, tell, warp=False))).images for workers in (0, 2)]
    finally:
        torch.set_num_threads(threads)
    here, there = ((images[0].flatten() * 0.25 + 0.5) * 255 for images in pictures)
    assert here.round().tolist() == [2, os.nice(0), 1]
    assert there.round().tolist() == [1, os.nice(0), 0]


@pytest.mark.parametrize("workers", [0, 2])
def test_two_epochs_at_once_are_refused(workers, data):
    batches = loader(data, workers)
    first = batches.epoch(0)
    next(first)
    next(batches.epoch(1))
    with pytest.raises(RuntimeError, match="read one sequence to its end before the next"):
        list(first)


@pytest.mark.parametrize(("threads", "cores", "workers"), [
    (1, 1, 0), (4, 1, 0), (1, 2, 1), (2, 2, 1), (1, 4, 3), (4, 4, 1), (2, 16, 4), (8, 16, 4)])
def test_workers_take_the_cores_that_the_run_leaves_at_most_four(threads, cores, workers):
    assert decoding_workers(threads, cores) == workers


def test_a_run_that_is_alone_counts_the_cores_of_its_process():
    cores = len(os.sched_getaffinity(0))
    assert decoding_workers(1) == decoding_workers(1, cores)
