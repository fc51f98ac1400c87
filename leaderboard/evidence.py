"""What a run's items hold beside class sums: where its concepts peak, and how its answers change along a curve.

numpy only. The layout is written by ``harness/scoring/items.py``.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from pydantic import ValidationError

from ..errors import UserError
from ..metrics import Protocol
from ..plain_json import parsed
from .store import Store

if TYPE_CHECKING:
    import pyarrow as pa

Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)
CURVES = ("insertion", "deletion")
_KINDS = ["peaks", "keypoints", *(f"{mode}_curve" for mode in CURVES)]
_COLUMNS = ["metric", "level", "image_id", "label", "part_id", "index", "x", "y", "hits", "flat", "vector"]


@dataclass(frozen=True, eq=False)
class Marks:
    """Where the concepts of one level peak on N images, and which of P annotated parts their regions hold.

    Attributes:
        ids: N image ids.
        labels: long [N].
        part_ids: long [N, K].
        peaks: int16 [N, K, 2], (x, y) on the canvas; -1 where a map has no peak.
        hits: bool [N, K, P], the concept's region holds the part.
        visible: bool [N, P].
        keypoints: int16 [N, P, 2], (x, y) on the canvas.
    """

    ids: tuple[str, ...]
    labels: np.ndarray
    part_ids: np.ndarray
    peaks: np.ndarray
    hits: np.ndarray
    visible: np.ndarray
    keypoints: np.ndarray


@dataclass(frozen=True, eq=False)
class Curves:
    """The probability of one class along insertion or deletion: labels long [N], values float32 [N, S + 1]."""

    labels: np.ndarray
    values: np.ndarray


class Evidence:
    """The evidence of one run under one protocol on one split, of the kinds that pages show.

    Raises:
        ValueError: the items do not hold together.
    """

    def __init__(self, table: "pa.Table"):
        import pyarrow as pa
        import pyarrow.compute as pc

        metadata = table.schema.metadata or {}
        self._table = table.filter(pc.and_(pc.is_in(table["metric"], pa.array(_KINDS)),
                                           pc.equal(pc.fill_null(table["index"], 0), 0)))
        self._shapes = parsed(metadata.get(b"evidence", b"{}"))
        try:
            self.protocol = Protocol.model_validate_json(metadata.get(b"protocol", b""))
        except ValidationError:
            raise ValueError("its protocol is of another version") from None

    def marks(self, level: str) -> Marks | None:
        """Where the concepts of a level peak; None where nobody asked, or the images have no keypoints."""
        peaks, known = self._rows("peaks", level), self._vectors("keypoints", "")
        if not len(peaks) or known is None:
            return None
        ids, labels, found = known
        parts = found["visible"].shape[1]
        names = peaks["image_id"].to_pylist()
        concepts = len(names) // max(len(ids), 1)
        if not parts or names[::concepts or 1] != list(ids) or len(names) != concepts * len(ids):
            raise ValueError("its peaks and its keypoints are of other images")

        def column(name: str) -> np.ndarray:
            return peaks[name].to_numpy().reshape(len(ids), concepts)

        bits = column("hits").astype(np.int64)
        places = np.stack([column("x"), column("y")], -1).astype(np.int16)
        if self.protocol.near_constant == "none":
            places[column("flat").astype(bool)] = -1
        return Marks(ids, labels, column("part_id").astype(np.int64), places,
                     (bits[..., None] >> np.arange(parts) & 1).astype(bool), found["visible"].astype(bool),
                     found["keypoints"].astype(np.int16))

    def curves(self, mode: str) -> Curves | None:
        """Insertion or deletion curves; None where nobody asked."""
        found = self._vectors(f"{mode}_curve", "final")
        if found is None:
            return None
        values = found[2]["curve"]
        if values.ndim != 2 or values.shape[1] < 2 or not len(values) or not np.isfinite(values).all():
            raise ValueError(f"its {mode} curves are not finite [N, S + 1]")
        return Curves(found[1], values)

    def _rows(self, metric: str, level: str) -> "pa.Table":
        import pyarrow.compute as pc

        return self._table.filter((pc.field("metric") == metric) & (pc.field("level") == level))

    def _vectors(self, kind: str, level: str) -> tuple[tuple[str, ...], np.ndarray, dict[str, np.ndarray]] | None:
        """Ids, labels and the tensors of one kind; None where there is none of it."""
        tensors = self._shapes.get(f"{kind}/{level}")
        if tensors is None:
            return None
        rows = self._rows(kind, level)
        if rows["label"].null_count or rows["image_id"].null_count:
            raise ValueError(f"its {kind} is of images without a name or a label")
        flat = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        sizes = [prod(about["shape"]) for about in tensors.values()]
        if len(flat) != len(rows) * sum(sizes):
            raise ValueError(f"its {kind} has {len(flat)} numbers for {len(rows)} images of {sum(sizes)}")
        pieces = np.split(flat.reshape(len(rows), sum(sizes)), np.cumsum(sizes)[:-1], 1)
        return (tuple(rows["image_id"].to_pylist()), rows["label"].to_numpy().astype(np.int64),
                {name: piece.reshape(len(rows), *about["shape"])
                 for (name, about), piece in zip(tensors.items(), pieces, strict=True)})


class EvidenceOf:
    """The evidence of every run in a store; each file is read once, when it is asked for."""

    def __init__(self, store: Store):
        self._store = store
        self._known: dict[tuple[str, str, str], Evidence | None] = {}

    def ask(self, run_id: str, protocol_id: str, split: str, what: Callable[[Evidence], Answer]) -> Answer | None:
        """``what`` of a run's evidence; None, with a line in the log, where items are missing, torn or foreign."""
        key = run_id, protocol_id, split
        try:
            if key not in self._known:
                self._known[key] = None
                self._known[key] = Evidence(self._store.read_items(*key, _COLUMNS))
            return None if self._known[key] is None else what(self._known[key])
        except (UserError, ValueError, TypeError, KeyError, AttributeError) as error:
            # Rows without items are a user's choice; items that cannot be read are not.
            missing = isinstance(error.__cause__, FileNotFoundError)
            logger.log(logging.INFO if missing else logging.WARNING, "evidence of run %s is not shown: %s", run_id,
                       error)
            return None
