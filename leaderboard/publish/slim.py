"""Items, down to what pages are drawn from: a run's items take a megabyte, and nobody's page needs its logits."""

import json
from typing import TYPE_CHECKING

import numpy as np

from ...plain_json import parsed

if TYPE_CHECKING:
    import pyarrow as pa

    from .sanitise import Sanitiser

_CURVES, _MARKS = ("insertion_curve", "deletion_curve"), ("peaks", "keypoints")


def slim(items: "pa.Table", sanitiser: "Sanitiser", marks: bool) -> "pa.Table":
    """What each class adds to each score, and curves; with ``marks`` also keypoints, and peaks and hits without noise.

    Curves are rounded to half precision (three digits of a probability), strengths of peaks are left out, and of the
    metadata all that would let somebody score the run again from so little.

    Raises:
        KeyError: a column is missing.
    """
    import pyarrow.compute as pc

    wanted = items["weight"].is_valid()
    kept = (*_CURVES, *_MARKS) if marks else _CURVES
    if {"index", "vector", "image_id"} <= set(items.schema.names):
        clean = pc.equal(pc.fill_null(items["index"], 0), 0)
        wanted = pc.or_(wanted, pc.and_(pc.is_in(items["metric"], value_set=_strings(kept)), clean))
    found = items.filter(wanted).replace_schema_metadata(_metadata(items.schema.metadata or {}, sanitiser, kept))
    if "strength" in found.schema.names:
        found = found.drop_columns(["strength"])
    return _named(_rounded(found), sanitiser)


def _metadata(metadata: dict[bytes, bytes], sanitiser: "Sanitiser", kept: tuple[str, ...]) -> dict[bytes, bytes]:
    try:
        shapes = parsed(metadata.get(b"evidence", b"{}"))
    except ValueError:
        return {}
    shapes = {name: shape for name, shape in shapes.items() if name.partition("/")[0] in kept}
    protocol = sanitiser.document(metadata.get(b"protocol", b"").decode("utf-8", "replace"))
    return {b"evidence": json.dumps(shapes).encode(), b"protocol": protocol.encode()}


def _named(items: "pa.Table", sanitiser: "Sanitiser") -> "pa.Table":
    """Image ids may be paths."""
    if "image_id" not in items.schema.names:
        return items
    encoded = items["image_id"].combine_chunks().dictionary_encode()
    names = _strings([None if name is None else sanitiser.text(name) for name in encoded.dictionary.to_pylist()])
    return items.set_column(items.schema.get_field_index("image_id"), "image_id", names.take(encoded.indices))


def _rounded(items: "pa.Table") -> "pa.Table":
    import pyarrow as pa

    if "vector" not in items.schema.names:
        return items
    vectors = items["vector"].combine_chunks()
    values = vectors.flatten().to_numpy(zero_copy_only=False).astype(np.float16).astype(np.float32)
    lengths = np.nan_to_num(vectors.value_lengths().to_numpy(zero_copy_only=False)).astype(np.int64)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    rounded = pa.ListArray.from_arrays(offsets, pa.array(values, pa.float32()), mask=vectors.is_null())
    return items.set_column(items.schema.get_field_index("vector"), "vector", rounded)


def _strings(texts: "list[str | None] | tuple[str, ...]") -> "pa.Array":
    import pyarrow as pa

    return pa.array(texts, pa.string())
