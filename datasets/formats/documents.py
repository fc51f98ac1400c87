"""Annotation files that are read whole: rows of text, and JSON. A fault is one line that names the file."""

import json
from pathlib import Path
from typing import Any

from ...errors import UserError


def content_of(path: Path, source: str) -> bytes:
    """A file's bytes.

    Args:
        source: where a good copy comes from, for messages: ``"the Oxford-IIIT Pet archive"``.

    Raises:
        UserError: missing or unreadable.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is missing; take it from {source}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); mend file or permissions") from None


def text_of(content: bytes, path: Path, source: str) -> str:
    """The text of a file, without a byte order mark.

    Raises:
        UserError: not UTF-8 text; names the line.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path} line {line}: not UTF-8 text; take it from {source} again") from None


def rows_of(content: bytes, path: Path, columns: str, source: str) -> list[tuple[int, list[str]]]:
    """(line number, fields) of every row of a text file; blank lines and lines that begin with # are skipped.

    Args:
        columns: what a row holds: ``"image class species breed"``.

    Raises:
        UserError: not UTF-8 text, or a row with another number of fields.
    """
    count = len(columns.split())
    rows = []
    for number, line in enumerate(text_of(content, path, source).split("\n"), 1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) != count:
            raise UserError(f"{path} line {number}: {len(fields)} fields instead of {count}; a row is: {columns}")
        rows.append((number, fields))
    return rows


def json_of(content: bytes, path: Path, source: str) -> Any:
    """A JSON document; NaN and Infinity are faults.

    Raises:
        UserError: no JSON; names the line.
    """
    try:
        return json.loads(text_of(content, path, source), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise UserError(f"{path} line {error.lineno}: no JSON ({error.msg}); take it from {source} again") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: no usable JSON ({error}); take it from {source} again") from None


def member(record: Any, name: str, kind: type | tuple[type, ...], where: str) -> Any:
    """``record[name]`` of a JSON object.

    Args:
        where: file and place, for messages: ``"train.json images[3]"``.

    Raises:
        UserError: no such member, or one of another type.
    """
    if not isinstance(record, dict):
        raise UserError(f"{where}: not an object but {_short(record)}; take the file from the archive again")
    value = record.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UserError(f"{where}: {name} is {_short(value)}; take the file from the archive again")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it holds {name}")


def _short(value: Any) -> str:
    return "missing" if value is None else repr(value)[:40]
