"""Parquet on its way in and out: our mark in the metadata, page checksums, and a reason for each file refused."""

import json
import re
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet as pq

from .rows import MARK, Row, schema, to_frame, to_table

if TYPE_CHECKING:
    import pandas

ITEMS_MARK = b"partbench-items/1;"
_KEY = b"partbench"


class Unreadable(Exception):
    """A file that is torn, foreign or of another schema; the message says which."""


def encode_rows(rows: Sequence[Row]) -> bytes:
    return _encode(to_table(rows), {_KEY: MARK})


def encode_items(table: "pa.Table | pandas.DataFrame") -> bytes:
    table = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False)
    return _encode(table, {**(table.schema.metadata or {}), _KEY: ITEMS_MARK})


def encode_board(frame: "pandas.DataFrame", listing: str, problems: list[str]) -> bytes:
    """The built leaderboard, with the listing it was built from and what was skipped."""
    table = pa.Table.from_pandas(frame, schema=schema(), preserve_index=False)
    return _encode(table, {_KEY: MARK, b"listing": listing, b"problems": json.dumps(problems)})


def decode_rows(content: bytes) -> pa.Table:
    table = _decode(content, MARK)
    if not table.schema.equals(schema(), check_metadata=False):
        raise Unreadable("its columns are not those of its schema version")
    return table


def decode_items(content: bytes | pa.NativeFile, columns: Sequence[str] | None = None) -> pa.Table:
    """Items without our mark; with ``columns``, those alone are read."""
    table = _decode(content, ITEMS_MARK, columns)
    return table.replace_schema_metadata({key: value for key, value in table.schema.metadata.items() if key != _KEY})


def decode_board(content: bytes, listing: str) -> "tuple[pandas.DataFrame, list[str]] | None":
    """The frame and the problems of a built leaderboard; None where it was built from another listing."""
    table = decode_rows(content)
    metadata = table.schema.metadata
    if metadata.get(b"listing") != listing.encode():
        return None
    return to_frame(table.replace_schema_metadata()), json.loads(metadata[b"problems"])


def _encode(table: pa.Table, metadata: dict) -> bytes:
    buffer = BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


def _decode(content: bytes | pa.NativeFile, mark: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    try:
        source = pa.BufferReader(content) if isinstance(content, bytes) else content
        file = pq.ParquetFile(source, page_checksum_verification=True)
        found = (file.metadata.metadata or {}).get(_KEY, b"")
        lacking = set(columns or ()) - set(file.schema_arrow.names)
        if found == mark and lacking:
            raise Unreadable(f"it has no column {', '.join(sorted(lacking))}")
        if found == mark:
            return file.read(columns, use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Unreadable(f"torn or not Parquet ({str(error).splitlines()[0][:120]})") from None
    kind, _, version = mark.partition(b"/")
    if re.fullmatch(re.escape(kind) + rb"/[0-9]+;", found):
        theirs, ours = found.partition(b"/")[2][:-1].decode(), version[:-1].decode()
        raise Unreadable(f"schema version {theirs}, while this partbench reads {ours}")
    raise Unreadable("not written by partbench")
