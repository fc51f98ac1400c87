"""The training patches on which each part is strongest: "this looks like that", for any method.

A read-only search: every training image once, plain and in file order; of each part the images on which its map peaks
highest. ProtoPNet's push asks the same question; here it is asked of methods that push nothing, too.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import torch
from pyarrow import parquet as pq
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ...datasets import view
from ...durable import write_whole
from ...errors import UserError
from ...methods import Level
from ...plain_json import parsed
from ..decoding import decoding_workers
from ..loaders import clean_batches
from ..seeds import derive
from .subject import Subject

log = logging.getLogger("partbench")
COUNT = 5
"""Images that are kept of every part."""
_VERSION = 1  # raised when the search finds others
_SAVE_EVERY = 60.0  # seconds
_SCHEMA = pa.schema({"level": pa.string(), "part_id": pa.int64(), "rank": pa.int64(), "image_id": pa.string(),
                     "row": pa.int64(), "col": pa.int64(), "strength": pa.float64()})


class Peak(NamedTuple):
    """A part's strongest cell on one training image."""

    strength: float
    image_id: str
    row: int
    col: int


Nearest = dict[tuple[str, int], list[Peak]]
"""(level, part id) -> its strongest peaks, strongest first."""


def nearest_patches(subject: Subject, tell: Callable[[str, int, int | None], None]) -> Nearest:
    """The ``COUNT`` training images on which each part of each level peaks highest.

    Parts that belong to a class are searched on that class's own images. Equal strengths, which saturated maps have,
    come in an order of chance that is always the same, so that they are no row of neighbours from one folder.

    Kept in ``nearest.parquet`` in the run's folder, also half-way: a search that was stopped goes on from there. A
    file that is torn, or of other weights or data, counts for nothing.

    Args:
        tell: hears (what, images done, images in all).

    Raises:
        UserError: a training picture is missing or damaged.
    """
    split = subject.data[subject.spec.fit_on]
    file, mark = subject.folder / "nearest.parquet", _mark(subject)
    found = _read(file, mark) or _Search()
    saved, size = time.monotonic(), 2 * subject.spec.batch_size
    rest = range(found.images, len(split))
    if rest:
        log.info("searching %d training images for the nearest patches, once for this run", len(rest))
    batches = clean_batches(split, view("full", subject.spec.image_size), subject.normalise, size,
                            decoding_workers(subject.spec.threads), rest)
    try:
        for clean in batches if rest else ():
            labels = clean.batch.labels if subject.method.card.class_specific else None
            with torch.no_grad():
                explanation = subject.method.explain(clean.batch, labels, saliency=False)
            for level, maps in explanation.all_levels().items():
                found.add(level, maps, clean.batch.ids)
            found.images += len(clean.batch)
            tell("nearest training patches", found.images, len(split))
            if time.monotonic() - saved > _SAVE_EVERY:
                _write(file, mark, found)
                saved = time.monotonic()
    finally:
        if rest:
            _write(file, mark, found)
    return {part: [peak for _, peak in best] for part, best in found.best.items()}


@dataclass
class _Search:
    """What was found on the first ``images`` images: the best of every part, each with its rank among equals."""

    images: int = 0
    best: dict[tuple[str, int], list[tuple[tuple[float, int], Peak]]] = field(default_factory=dict)

    def add(self, level: str, maps: Level, ids: tuple[str, ...]) -> None:
        part_maps = maps.part_maps.float()
        cells, width = peak_cells(part_maps).cpu(), part_maps.shape[3]
        strengths = part_maps.amax((2, 3)).tolist()
        for image, image_id in enumerate(ids):
            by_chance = derive("nearest", image_id)
            for part, cell, strength in zip(maps.part_ids[image].tolist(), cells[image].tolist(), strengths[image],
                                            strict=True):
                peak = Peak(strength, image_id, *divmod(cell, width))
                self._keep((level, part), ((-strength, by_chance), peak))

    def _keep(self, part: tuple[str, int], entry: tuple[tuple[float, int], Peak]) -> None:
        best = self.best.setdefault(part, [])
        if len(best) < COUNT or entry[0] < best[-1][0]:
            best.append(entry)
            best.sort()
            del best[COUNT:]


def peak_cells(part_maps: Tensor) -> Tensor:
    """Flat index of the strongest cell of each map [B, K, h, w]: long [B, K].

    Of equally strong cells the one whose neighbours are strongest: the middle of a saturated region, not its corner.
    """
    strongest = part_maps == part_maps.amax((2, 3), keepdim=True)
    around = avg_pool2d(part_maps, 3, 1, 1)
    return around.masked_fill(~strongest, -torch.inf).flatten(2).argmax(2)


def _mark(subject: Subject) -> str:
    """Changes with whatever the search depends on."""
    parts = (_VERSION, COUNT, subject.folder.name, subject.digest, subject.data.fingerprint)
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()


def _write(file: Path, mark: str, found: _Search) -> None:
    lines = [{"level": level, "part_id": part, "rank": rank, **peak._asdict()}
             for (level, part), best in found.best.items() for rank, (_, peak) in enumerate(best, 1)]
    about = json.dumps({"mark": mark, "images": found.images})
    buffer = BytesIO()
    pq.write_table(pa.Table.from_pylist(lines, _SCHEMA.with_metadata({"partbench": about})), buffer,
                   write_page_checksum=True)
    try:
        write_whole(file, buffer.getvalue())
    except UserError as error:  # the page can be drawn all the same; the next one will cost the search again
        log.warning("the nearest patches are not kept: %s", error)


def _read(file: Path, mark: str) -> _Search | None:
    """What an earlier search of these weights on these data found, or None."""
    try:
        table = pq.read_table(BytesIO(file.read_bytes()), page_checksum_verification=True)
        about = parsed(table.schema.metadata[b"partbench"])
        if about["mark"] != mark or not table.schema.equals(_SCHEMA, check_metadata=False):
            return None
        found = _Search(about["images"])
        for line in table.to_pylist():
            peak = Peak(*(line[name] for name in Peak._fields))
            entry = (-peak.strength, derive("nearest", peak.image_id)), peak
            found.best.setdefault((line["level"], line["part_id"]), []).append(entry)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        log.warning("%s is torn (%s): searching again", file, " ".join(str(error).split())[:120])
        return None
    return found
