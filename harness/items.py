"""What scores are made of, image by image, so that every statistic can be computed again from files.

One long table. ``index`` tells rows of one image apart: the noise draw of a peak (0 is the clean pass), the keypoint of
an assignment, the point of a curve, the part that was removed (NaN: not in the picture), the other background.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from ..metrics import Protocol, part_hits

if TYPE_CHECKING:
    import pyarrow


@dataclass
class Items:
    """Collects columns batch by batch; nothing here grows with the size of a map."""

    protocol: Protocol
    _parts: list[dict[str, np.ndarray]] = field(default_factory=list)

    def values(self, metric: str, level: str, ids: tuple[str, ...], labels: Tensor, values: Tensor) -> None:
        """One number per image (values [N]) or several (values [N, I], numbered by ``index``)."""
        values = values.reshape(len(ids), -1)
        index = np.broadcast_to(np.arange(values.shape[1]), values.shape)
        self._add(metric, level, ids, labels, values.shape[1], index=index, value=values.numpy())

    def peaks(self, metric: str, level: str, ids: tuple[str, ...], labels: Tensor, peaks: Tensor, part_ids: Tensor,
              keypoints: Tensor, visible: Tensor, draw: int = 0) -> None:
        """Peaks [N, K, 2] with the keypoints that their regions hold, as bits: keypoint p is bit p."""
        hits = part_hits(peaks, keypoints, visible, self.protocol.half_size, self.protocol.canvas).numpy()
        bits = (hits.astype(np.int64) << np.arange(hits.shape[2])).sum(2)
        self._add(metric, level, ids, labels, peaks.shape[1], part_id=part_ids.numpy(), index=np.full(bits.shape, draw),
                  x=peaks[..., 0].numpy(), y=peaks[..., 1].numpy(), hits=bits)

    def _add(self, metric: str, level: str, ids: tuple[str, ...], labels: Tensor, each: int,
             **columns: np.ndarray) -> None:
        rows = len(ids) * each
        self._parts.append({
            "metric": np.full(rows, metric, object), "level": np.full(rows, level, object),
            "image_id": np.repeat(np.array(ids, object), each), "label": np.repeat(labels.numpy(), each),
            **{name: column.reshape(-1) for name, column in columns.items()}})

    def table(self, run_id: str, split: str) -> "pyarrow.Table":
        """The whole table; a column that a row has no use for is null."""
        import pyarrow as pa

        types = {"metric": pa.string(), "level": pa.string(), "image_id": pa.string(), "label": pa.int32(),
                 "part_id": pa.int32(), "index": pa.int16(), "value": pa.float64(), "x": pa.int16(), "y": pa.int16(),
                 "hits": pa.int64()}
        schema = pa.schema(list(types.items()))
        tables = [pa.table({name: pa.array(part[name], kind) if name in part else pa.nulls(len(part["label"]), kind)
                            for name, kind in types.items()}, schema) for part in self._parts]
        table = pa.concat_tables(tables)
        for name, value in (("split", split), ("protocol_id", self.protocol.id), ("run_id", run_id)):
            table = table.add_column(0, name, pa.repeat(value, len(table)))
        return table
