"""Parquet on its way in and out: our mark in the metadata, a seal, and a reason for each file refused."""

import json
import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
from pyarrow import parquet as pq

from . import seal
from .built import Built, since
from .files import Found
from .rows import Row, schema, to_frame, to_table
from .versions import ADDED, SCHEMA_VERSION, SEALED, mark

if TYPE_CHECKING:
    import pandas

ITEMS_VERSION = 2
ITEMS_MARK = f"partbench-items/{ITEMS_VERSION};".encode()
_MARK = re.compile(rb"partbench-([a-z]+)/([0-9]{1,9});")
_KEY = b"partbench"


class Unreadable(Exception):
    """A file that is not read; the message says why.

    Attributes:
        kind: ``torn``, ``foreign``, or ``newer``: of a later schema version.
    """

    def __init__(self, why: str, kind: Literal["torn", "foreign", "newer"] = "foreign"):
        super().__init__(why)
        self.kind = kind


def encode_rows(rows: Sequence[Row]) -> bytes:
    """A row file: of few rows, so that setting up a decompressor would take longer than all else."""
    return encode_table(to_table(rows))


def encode_table(table: pa.Table) -> bytes:
    """As :func:`encode_rows`, of a table of the newest schema."""
    return _encode(table, {_KEY: mark()}, compression="none")


def encode_items(table: "pa.Table | pandas.DataFrame") -> bytes:
    table = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False)
    return _encode(table, {**(table.schema.metadata or {}), _KEY: ITEMS_MARK})


def encode_board(frame: "pandas.DataFrame", listing: str, problems: list[str],
                 more: Mapping[bytes, bytes] = MappingProxyType({})) -> bytes:
    """The built leaderboard, with the listing it was built from, what was skipped, and ``more`` to say of it."""
    return _encode(from_frame(frame), {_KEY: mark(), b"listing": listing, b"problems": json.dumps(problems), **more})


def from_frame(frame: "pandas.DataFrame") -> pa.Table:
    """The row table of a tidy frame."""
    return pa.Table.from_pandas(frame, schema=schema(), preserve_index=False)


def decode_rows(content: bytes) -> pa.Table:
    """Rows of this schema version or an earlier one, whose lacking columns are filled with their defaults."""
    table, version = _decode(content, b"rows", SCHEMA_VERSION)
    if not table.schema.equals(schema(version), check_metadata=False):
        raise Unreadable("its columns are not those of its schema version")
    return table if version == SCHEMA_VERSION else _completed(table, version)


def _completed(table: pa.Table, version: int) -> pa.Table:
    for name in (name for brought, names in ADDED.items() if brought > version for name in names):
        field = schema().field(name)
        table = table.append_column(field, pa.repeat(pa.scalar(Row.model_fields[name].default, field.type), len(table)))
    return table.select(schema().names)


def decode_items(content: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """Items without our mark; with ``columns``, those alone are read."""
    table, _ = _decode(content, b"items", ITEMS_VERSION, columns)
    kept = {key: value for key, value in table.schema.metadata.items() if key not in (_KEY, seal.KEY)}
    return table.replace_schema_metadata(kept)


def decode_board(content: bytes, listing: str) -> "tuple[pandas.DataFrame, list[str]] | None":
    """The frame and the problems of a built leaderboard; None where it was built from another listing."""
    found = decode_table(content, listing)
    return found and (to_frame(found[0]), found[1])


def decode_table(content: bytes, listing: str) -> tuple[pa.Table, list[str]] | None:
    """As :func:`decode_board`, without pandas."""
    table = decode_rows(content)
    metadata = table.schema.metadata
    if metadata.get(b"listing") != listing.encode():
        return None
    return table.replace_schema_metadata(), json.loads(metadata[b"problems"])


def as_text(table: pa.Table, columns: Sequence[str]) -> list[dict[str, str | None]]:
    """Some columns of every row as text, times as ``2026-02-09 15:48:00.000000Z``.

    Arrow imports all of pandas before it makes a Python object of a time.
    """
    return [dict(zip(columns, row, strict=True))
            for row in zip(*(table[name].cast(pa.string()).to_pylist() for name in columns), strict=True)]


def decode_built(content: bytes, files: Sequence[Found]) -> tuple[Built, list[Found]] | None:
    """What a leaderboard was built of, and the ``files`` that are new; None where everything has to be read again."""
    table = decode_rows(content)
    known = since(table.schema.metadata, files)
    if known is None:
        return None
    problems = json.loads(table.schema.metadata[b"problems"])
    return Built(to_frame(table.replace_schema_metadata()), problems, known[0]), known[1]


def _encode(table: pa.Table, metadata: dict, compression: str = "zstd") -> bytes:
    buffer, metadata = BytesIO(), {**metadata, seal.KEY: seal.BLANK}
    pq.write_table(table.replace_schema_metadata(metadata), buffer, compression=compression, write_page_checksum=True)
    return seal.sealed(buffer.getvalue())


def _decode(content: bytes, kind: bytes, newest: int,
            columns: Sequence[str] | None = None) -> tuple[pa.Table, int]:
    """The table, and the version that its mark says."""
    intact = seal.holds(content)
    if intact is False:
        raise Unreadable("torn or changed (its checksum differs)", "torn")
    try:
        file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
        found = _MARK.fullmatch((file.metadata.metadata or {}).get(_KEY, b""))
        if found is None or found[1] != kind:
            raise Unreadable("not written by partbench")
        version = int(found[2])
        if not 1 <= version <= newest:
            raise Unreadable(f"schema version {version}, while this partbench reads up to {newest}", "newer")
        if version >= SEALED and not intact:
            raise Unreadable("torn or changed (it has no checksum)", "torn")
        if columns and (lacking := set(columns) - set(file.schema_arrow.names)):
            raise Unreadable(f"it has no column {', '.join(sorted(lacking))}")
        return file.read(columns, use_threads=False), version
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Unreadable(f"torn or not Parquet ({_first_line(error)})", "torn") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
