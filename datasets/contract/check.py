"""The contract of data sets: what each must keep to be compared, whoever wrote it.

The clauses that move pixels are in :mod:`.contract_dots`, those about planted truth in :mod:`.contract_planted`.
"""

import os
import pickle
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from ..base import PartDataset, Sample
from .dots import follow_pixels
from .look import Look, same, want
from .planted import change_one_thing

_SPLITS = ("train", "val", "train+val", "test")
_KEPT_PER_IMAGE = 4096  # bytes: paths and annotations, but no pixels
_SLACK = 1.0  # pixels that annotators may be off the picture


def check_dataset(dataset: PartDataset, image_size: int = 64, samples: int = 8) -> None:
    """Put a data set through the contract: every annotation of it, and the pixels of some samples.

    Args:
        image_size: side of the square that views and augmentations are tried at.
        samples: how many pictures are read of each of ``train``, ``val`` and ``test``, spread evenly.

    Raises:
        AssertionError: ``"<clause>: what is wrong"``, for the first clause that is broken.
    """
    look = Look(dataset, image_size, samples)
    for clause, holds in _CLAUSES.items():
        try:
            holds(look)
        except AssertionError as broken:
            raise AssertionError(f"{clause}: {broken}") from None
        except Exception as error:  # a stranger's data set may fail in any way
            raise AssertionError(f"{clause}: {type(error).__name__}: {error}") from error


def _declared(look: Look) -> None:
    data = look.dataset
    want(isinstance(data.name, str) and data.name, f"name is {data.name!r}, not a word")
    for what, names in (("classes", data.classes), ("parts", data.parts)):
        want(isinstance(names, list) and all(isinstance(name, str) for name in names), f"{what} is no list of names")
        want(len(set(names)) == len(names), f"a name stands twice among {what}")
    want(data.classes, "there is no class")
    want(isinstance(data.redistributable, bool), f"redistributable is {data.redistributable!r}, neither True nor False")
    want(isinstance(data.fingerprint, str) and re.fullmatch("[0-9a-f]{16,}", data.fingerprint),
         f"fingerprint is {data.fingerprint!r}, not 16 or more hex digits")


def _disjoint(look: Look) -> None:
    splits = {name: look.dataset[name] for name in _SPLITS}
    for name, split in splits.items():
        want(name == "val" or len(split), f"{name} is empty")
        want(len(split.ids) == len(split.labels) == len(split), f"{name} has not one id and one label for each image")
        want(len(set(split.ids)) == len(split), f"an id stands twice in {name}")
    for kind in ("ids", "images"):
        train, val, both, test = (set(getattr(splits[name], kind)) for name in _SPLITS)
        for one, other, shared in (("train", "val", train & val), ("train", "test", train & test),
                                   ("val", "test", val & test)):
            want(not shared, f"{one} and {other} share {len(shared)} {kind}, such as {min(shared, default='')!r}")
        want(both == train | val, f"train+val does not hold the {kind} of train and val")


def _dense(look: Look) -> None:
    classes = len(look.dataset.classes)
    for name in _SPLITS:
        labels = look.dataset[name].labels
        want(np.issubdtype(labels.dtype, np.integer), f"labels of {name} are {labels.dtype}, not integers")
        outside = labels[(labels < 0) | (labels >= classes)]
        want(not len(outside), f"{name} has a label {outside[:1]} outside 0 .. {classes - 1}")
    missing = np.setdiff1d(np.arange(classes), look.dataset["train"].labels)
    want(not len(missing), f"class {missing[:1]} has no image in train")


def _typed(look: Look) -> None:
    for (split, i), sample in look.samples.items():
        where = f"{split}[{i}]"
        want(isinstance(sample, Sample), f"{where} is a {type(sample).__name__}, not a Sample")
        want(isinstance(sample.id, str) and isinstance(sample.label, int), f"{where} has no text id or no int label")
        want(sample.id == look.dataset[split].ids[i], f"{where} has another id than the split's ids say")
        want(sample.label == look.dataset[split].labels[i], f"{where} has another label than the split's labels say")
        _tensor(sample.image, torch.uint8, (3, None, None), f"{where}.image")
        parts, (height, width) = len(look.dataset.parts), sample.image.shape[1:]
        want(height and width, f"{where}.image has no pixel")
        _tensor(sample.keypoints, torch.float32, (parts, 2), f"{where}.keypoints")
        _tensor(sample.visible, torch.bool, (parts,), f"{where}.visible")
        want(sample.keypoints.isfinite().all(), f"{where}.keypoints are not all finite")
        if sample.part_masks is not None:
            _tensor(sample.part_masks, torch.bool, (parts, height, width), f"{where}.part_masks")
        if sample.object_mask is not None:
            _tensor(sample.object_mask, torch.bool, (height, width), f"{where}.object_mask")
        want(len(sample.box) == 4 and np.isfinite(sample.box).all() and min(sample.box[2:]) > 0,
             f"{where}.box is {sample.box}; (x, y, width, height) are finite, and width and height positive")


def _tensor(value: Tensor, dtype: torch.dtype, shape: tuple[int | None, ...], where: str) -> None:
    want(isinstance(value, Tensor), f"{where} is a {type(value).__name__}, not a tensor")
    fits = value.ndim == len(shape) and all(s is None or s == side for s, side in zip(shape, value.shape, strict=True))
    spelt = ["any" if side is None else side for side in shape]
    want(value.dtype == dtype and fits, f"{where} is {value.dtype} {list(value.shape)}, not {dtype} {spelt}")


def _bare(look: Look) -> None:
    for (split, i), sample in look.samples.items():
        bare = look.dataset[split].annotation(i)
        want(bare.image is None, f"{split}.annotation({i}) brings pixels")
        want((bare.id, bare.label, bare.box) == (sample.id, sample.label, sample.box)
             and same(bare.keypoints, sample.keypoints) and same(bare.visible, sample.visible),
             f"{split}.annotation({i}) differs from {split}[{i}]")


def _inside(look: Look) -> None:
    for (split, i), sample in look.samples.items():
        height, width = sample.image.shape[1:]
        shown = sample.keypoints[sample.visible]
        outside = ((shown < -_SLACK) | (shown > shown.new_tensor((width, height)) + _SLACK)).any(1)
        want(not outside.any(), f"a visible keypoint of {split}[{i}] is at {shown[outside][:1].tolist()}, "
                                f"its picture is {width}x{height}")


def _masked(look: Look) -> None:
    for (split, i), sample in look.samples.items():
        if sample.part_masks is None:
            continue
        empty = (sample.visible & ~sample.part_masks.flatten(1).any(1)).nonzero().flatten().tolist()
        want(not empty, f"{split}[{i}] shows {[look.dataset.parts[p] for p in empty]}, but the mask is empty")
        if sample.object_mask is not None:
            # One pixel for borders that were drawn twice.
            wide = max_pool2d(sample.object_mask[None].float(), 3, 1, 1)[0].bool()
            want(not (sample.part_masks.any(0) & ~wide).any(), f"part masks of {split}[{i}] leave its object mask")


def _repeatable(look: Look) -> None:
    """Twice the same, in another order, whatever the global generators hold."""
    for number, ((split, i), sample) in enumerate(reversed(look.samples.items())):
        torch.manual_seed(number)
        random.seed(number)
        np.random.seed(number)
        want(same(look.dataset[split][i], sample), f"{split}[{i}] is not the same when it is read again")


def _portable(look: Look) -> None:
    before = _open_files()
    content = pickle.dumps(look.dataset)
    images = sum(len(look.dataset[name]) for name in ("train+val", "test"))
    allowed = 2**20 + images * _KEPT_PER_IMAGE
    want(len(content) <= allowed, f"{len(content)} bytes when pickled, more than {allowed} for {images} images")
    again = pickle.loads(content)
    for (split, i), sample in look.samples.items():
        want(same(again[split][i], sample), f"{split}[{i}] is not the same from a pickled copy")
        want(same(look.dataset[split][i], sample), f"{split}[{i}] is not the same after pickling")
    want(again.fingerprint == look.dataset.fingerprint, "the fingerprint is not the same from a pickled copy")
    grown = len(pickle.dumps(look.dataset)) - len(content)
    want(grown <= _KEPT_PER_IMAGE, f"{grown} bytes larger after reading: it keeps what it read")
    left = _open_files() - before
    want(not left, f"files are left open after reading: {sorted(left)[:3]}")


def _open_files() -> Counter[str]:
    """How often this process holds each regular file open; nothing where the system does not tell."""
    listed = Path("/proc/self/fd")
    paths = map(os.path.realpath, listed.iterdir()) if listed.is_dir() else ()
    return Counter(path for path in paths if os.path.isfile(path))


_CLAUSES: dict[str, Callable[[Look], None]] = {
    "name, classes, parts, redistributable and fingerprint are declared": _declared,
    "splits are disjoint": _disjoint,
    "labels are dense": _dense,
    "samples have their types": _typed,
    "an annotation is its sample without pixels": _bare,
    "visible keypoints are inside the picture": _inside,
    "masks agree with parts and object": _masked,
    "reading is deterministic": _repeatable,
    "picklable, small and closed": _portable,
    "keypoints follow their pixels": follow_pixels,
    "an intervention changes one thing": change_one_thing,
}
