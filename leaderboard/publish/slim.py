"""Items, down to what pages are drawn from: a run's items take a megabyte, and nobody's page needs its logits."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow

_CURVES = ("insertion_curve", "deletion_curve")


def slim(items: "pyarrow.Table", evidence: bool) -> "pyarrow.Table":
    """What each class adds to each score; with ``evidence`` also curves, and peaks and hits without noise.

    Curves are rounded to half precision (3 digits of a probability), strengths of peaks are left out.

    Raises:
        KeyError: a column is missing.
    """
    import pyarrow.compute as pc

    wanted = items["weight"].is_valid()
    if evidence and {"vector", "index", "hits"} <= set(items.schema.names):
        clean = pc.fill_null(pc.and_(pc.equal(items["metric"], "peaks"), pc.equal(items["index"], 0)), False)
        curve = pc.is_in(items["metric"], value_set=_strings(_CURVES))
        wanted = pc.or_(wanted, pc.or_(clean, curve))
    found = items.filter(wanted).replace_schema_metadata()  # nobody shall score a run again from so little
    return _rounded(found.drop_columns([name for name in ("strength",) if name in found.schema.names]))


def _strings(names: tuple[str, ...]) -> "pyarrow.Array":
    import pyarrow as pa

    return pa.array(names, pa.string())


def _rounded(items: "pyarrow.Table") -> "pyarrow.Table":
    import pyarrow as pa

    if "vector" not in items.schema.names:
        return items
    vectors = items["vector"].combine_chunks()
    values = vectors.values.to_numpy(zero_copy_only=False).astype(np.float16).astype(np.float32)
    rounded = pa.ListArray.from_arrays(vectors.offsets, pa.array(values, pa.float32()), mask=vectors.is_null())
    return items.set_column(items.schema.get_field_index("vector"), "vector", rounded)
