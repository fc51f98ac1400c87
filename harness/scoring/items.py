"""Evidence and what scores are means of, as one long table: every statistic can be computed again from the file.

A row is one of three things, told apart by what is not null:

- ``value`` and ``weight``: numerator and denominator that the class ``label`` adds to the score ``metric``, wherever
  that is a ratio of sums over classes.
- ``hits``: the peak (x, y) of concept ``part_id``, ``index`` being the noise draw (0 is the clean pass). Bit p of
  ``hits`` says that its region holds keypoint p; ``flat`` that the map had no peak to speak of.
- ``vector``: the other evidence of one image, all tensors of a kind one after the other; the schema's metadata gives
  their names, shapes and types.
"""

from collections.abc import Iterable
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, NonNegativeInt, TypeAdapter, ValidationError
from torch import Tensor

from ...metrics import Protocol, part_hits
from .evidence import Evidence, Record
from .score import Score

if TYPE_CHECKING:
    import pyarrow as pa

_SHAPES, _PROTOCOL, _MADE = b"evidence", b"protocol", b"passes"
_VERSION = b"1"  # of the passes that make evidence: raised when theirs would differ, so that old evidence is not reused


class _About(BaseModel):
    """Shape and type of a tensor of one image."""

    shape: tuple[NonNegativeInt, ...]
    dtype: Literal["float32", "int64", "int32", "int16", "bool"]


_Abouts = TypeAdapter(dict[str, dict[str, _About]])


def items_table(evidence: Evidence, scores: Iterable[Score], run_id: str, split: str,
                protocol: Protocol) -> "pa.Table":
    """Everything that is kept of an evaluation."""
    import pyarrow as pa

    parts = [rows for rows in map(_class_rows, scores) if rows]
    abouts: dict[str, dict[str, _About]] = {}
    for kind, level in evidence.keys():
        record = evidence.get(kind, level)
        if kind == "peaks":
            parts.append(_peak_rows(record, level, evidence.get("keypoints").rows(record.ids), protocol))
        else:
            parts.append(_vector_rows(record, kind, level))
            abouts[f"{kind}/{level}"] = {name: _About(shape=tuple(value.shape[1:]), dtype=str(value.dtype)[6:])
                                         for name, value in record.values.items()}
    schema = _schema()
    tables = [pa.table({name: part[name] if name in part else pa.nulls(len(part["metric"]), schema.field(name).type)
                        for name in schema.names}, schema) for part in parts]
    table = pa.concat_tables([schema.empty_table(), *tables])
    for name, value in (("split", split), ("protocol_id", protocol.id), ("run_id", run_id)):
        table = table.add_column(0, name, pa.repeat(value, len(table)))
    return table.replace_schema_metadata({_SHAPES: _Abouts.dump_json(abouts), _PROTOCOL: protocol.model_dump_json(),
                                           _MADE: _VERSION})


def protocol_of(table: "pa.Table") -> Protocol | None:
    """The protocol under which the evidence was made; None where this partbench would make it differently."""
    if (table.schema.metadata or {}).get(_MADE) != _VERSION:
        return None
    try:
        return Protocol.model_validate_json((table.schema.metadata or {}).get(_PROTOCOL, b""))
    except ValidationError:
        return None


def evidence_of(table: "pa.Table") -> Evidence:
    """The evidence that :func:`items_table` wrote.

    Raises:
        ValueError: the table does not hold together.
    """
    import pyarrow.compute as pc

    evidence = Evidence()
    for name, tensors in _Abouts.validate_json((table.schema.metadata or {}).get(_SHAPES, b"{}")).items():
        kind, _, level = name.partition("/")
        rows = table.filter((pc.field("metric") == kind) & (pc.field("level") == level))
        evidence.put(kind, level, _from_vectors(rows, tensors, name))
    peaks = table.filter(pc.field("metric") == "peaks")
    for level in peaks["level"].unique().to_pylist():
        evidence.put("peaks", level, _from_peaks(peaks.filter(pc.field("level") == level)))
    return evidence


def _schema() -> "pa.Schema":
    import pyarrow as pa

    return pa.schema({
        "metric": pa.string(), "level": pa.string(), "image_id": pa.string(), "label": pa.int32(),
        "part_id": pa.int32(), "index": pa.int16(), "value": pa.float64(), "weight": pa.float64(), "x": pa.int16(),
        "y": pa.int16(), "strength": pa.float32(), "hits": pa.int64(), "flat": pa.bool_(),
        "vector": pa.list_(pa.float32())})


def _rows(metric: str, level: str, ids: Iterable[str | None], labels: Any, **columns: Any) -> dict[str, Any]:
    import pyarrow as pa

    schema, ids = _schema(), list(ids)
    filled = {"metric": pa.repeat(metric, len(ids)), "level": pa.repeat(level, len(ids)),
              "image_id": pa.array(ids, pa.string()), "label": pa.array(np.asarray(labels), pa.int32())}
    return filled | {name: pa.array(column, schema.field(name).type) for name, column in columns.items()}


def _class_rows(score: Score) -> dict[str, Any] | None:
    sums = score.class_sums()
    if sums is None:
        return None
    numerators, denominators, labels = (column.cpu().numpy() for column in sums)
    return _rows(score.metric, score.level, [None] * len(labels), labels, value=numerators, weight=denominators)


def _peak_rows(record: Record, level: str, known: Record, protocol: Protocol) -> dict[str, Any]:
    """A row for every image, draw and concept, in this order."""
    places = torch.cat([record["peaks"][:, None], record["moved"]], 1)  # [N, 1 + D, K, 2]
    flat = torch.cat([record["flat"][:, None], record["moved_flat"]], 1)
    images, draws, concepts = flat.shape
    seen = torch.where(flat[..., None], -1, places) if protocol.near_constant == "none" else places
    bits = torch.stack([_bits(part_hits(seen[:, draw], known["keypoints"], known["visible"], protocol.half_size,
                                        protocol.canvas)) for draw in range(draws)], 1)
    strengths = torch.full((images, draws, concepts), torch.nan)
    strengths[:, 0] = record["strengths"]
    each = draws * concepts
    return _rows(
        "peaks", level, np.repeat(np.array(record.ids, object), each), record.labels.repeat_interleave(each),
        part_id=_flat(record["part_ids"][:, None].expand(-1, draws, -1)),
        index=_flat(torch.arange(draws)[None, :, None].expand(images, -1, concepts)),
        x=_flat(places[..., 0]), y=_flat(places[..., 1]), strength=_flat(strengths), hits=_flat(bits), flat=_flat(flat))


def _bits(hits: Tensor) -> Tensor:
    return (hits.long() << torch.arange(hits.shape[2])).sum(2)


def _flat(values: Tensor) -> np.ndarray:
    return values.reshape(-1).numpy()


def _vector_rows(record: Record, kind: str, level: str) -> dict[str, Any]:
    import pyarrow as pa

    joined = torch.cat([value.reshape(len(record), -1).float() for value in record.values.values()], 1)
    offsets = np.arange(len(record) + 1, dtype=np.int32) * joined.shape[1]
    vectors = pa.ListArray.from_arrays(offsets, pa.array(_flat(joined), pa.float32()))
    return _rows(kind, level, record.ids, record.labels) | {"vector": vectors}


def _from_vectors(rows: "pa.Table", tensors: dict[str, _About], name: str) -> Record:
    vectors = rows["vector"].combine_chunks()
    flat = torch.from_numpy(vectors.flatten().to_numpy(zero_copy_only=False).copy())
    sizes = [prod(about.shape) for about in tensors.values()]
    if len(flat) != len(rows) * sum(sizes):
        raise ValueError(f"its {name} has {len(flat)} numbers for {len(rows)} images of {sum(sizes)}")
    pieces = flat.view(len(rows), sum(sizes)).split(sizes, 1)
    values = {key: piece.reshape(len(rows), *about.shape).to(getattr(torch, about.dtype))
              for (key, about), piece in zip(tensors.items(), pieces, strict=True)}
    return Record(tuple(rows["image_id"].to_pylist()), torch.from_numpy(rows["label"].to_numpy().copy()).long(), values)


def _from_peaks(rows: "pa.Table") -> Record:
    draws = int(rows["index"].to_numpy().max()) + 1
    ids = rows["image_id"].to_pylist()
    images = len(dict.fromkeys(ids))
    if not len(rows) or len(rows) % (images * draws):
        raise ValueError(f"its peaks are {len(rows)} rows of {images} images and {draws} draws")
    shape = images, draws, len(rows) // (images * draws)

    def column(name: str) -> Tensor:
        return torch.from_numpy(rows[name].to_numpy().copy()).view(shape)

    places, flat = torch.stack([column("x"), column("y")], -1), column("flat")
    each = shape[1] * shape[2]
    return Record(tuple(ids[::each]), column("label")[:, 0, 0].long(), {
        "part_ids": column("part_id")[:, 0].long(), "peaks": places[:, 0], "flat": flat[:, 0],
        "strengths": column("strength")[:, 0], "moved": places[:, 1:], "moved_flat": flat[:, 1:]})
