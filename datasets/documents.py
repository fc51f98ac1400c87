"""Annotation files that are read whole: rows of text, JSON, boxes in XML. A fault is one line that names the file."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ..errors import UserError


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


def rows_of(content: bytes, path: Path, columns: str, source: str) -> list[tuple[int, list[str]]]:
    """(line number, fields) of every row of a text file; blank lines and lines that begin with # are skipped.

    Args:
        columns: what a row holds: ``"image class species breed"``.

    Raises:
        UserError: not UTF-8 text, or a row with another number of fields.
    """
    count = len(columns.split())
    rows = []
    for number, line in enumerate(_text(content, path, source).split("\n"), 1):
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
        return json.loads(_text(content, path, source), parse_constant=_refuse_constant)
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


def xml_boxes(content: bytes, path: Path) -> list[tuple[float, float, float, float]]:
    """Boxes (x, y, width, height) of the objects in an annotation in PASCAL VOC's format, in the file's order.

    VOC counts pixels from 1 and includes both ends; here pixel i covers [i, i + 1).

    Raises:
        UserError: no XML, a document type declaration (entities could expand without end), or a box without corners,
            with corners that are no finite numbers, or turned inside out.
    """
    if b"<!" in content.replace(b"<!--", b"") or b"\0" in content:
        raise UserError(f"{path}: a document type declaration or a null byte; take the file from the archive again")
    try:
        objects = ElementTree.fromstring(content).iter("object")
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UserError(f"{path}: no XML ({error}); take the file from the archive again") from None
    return [_xml_box(item, path) for item in objects]


def _xml_box(item: ElementTree.Element, path: Path) -> tuple[float, float, float, float]:
    try:
        left, top, right, bottom = (float(item.findtext(f"bndbox/{corner}", "")) for corner in
                                    ("xmin", "ymin", "xmax", "ymax"))
    except ValueError:
        raise UserError(f"{path}: an object without a box of four numbers; take the file from the archive again"
                        ) from None
    if not np.isfinite((left, top, right, bottom)).all() or right < left or bottom < top:
        raise UserError(f"{path}: a box from ({left:g}, {top:g}) to ({right:g}, {bottom:g}); take the file from the "
                        "archive again")
    return left - 1, top - 1, right - left + 1, bottom - top + 1


def _text(content: bytes, path: Path, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path} line {line}: not UTF-8 text; take it from {source} again") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it holds {name}")


def _short(value: Any) -> str:
    return "missing" if value is None else repr(value)[:40]
