"""A table of label levels: which genus, which family each class belongs to."""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from ...errors import UserError, unknown


def read_levels(path: Path, level: str, classes: Sequence[str]) -> tuple[dict[str, str], bytes]:
    """Class -> its name at ``level``, and the file's content.

    Args:
        path: a CSV file with a header: ``class``, then one column a level.
        level: a column; ``class`` leaves the classes as they are.
        classes: those that have pictures; each has one row.

    Raises:
        UserError: no such file or column, a row too short or too long, a class without row, with two, or without
            pictures, or an empty cell.
    """
    try:
        content = path.read_bytes()
        rows = csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = [column.strip() for column in next(rows, [])]
        table = [(rows.line_num, [cell.strip() for cell in row]) for row in rows if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = "missing" if isinstance(error, FileNotFoundError) else getattr(error, "strerror", None) or str(error)
        raise UserError(f"{path}: {reason}; write a table with the columns class,{level} in UTF-8, or leave out "
                        f"labels={level}") from None
    if "class" not in header or len(set(header)) < len(header):
        raise UserError(f"{path} line 1: the columns are {header}; name one 'class' and each once")
    if level not in header:
        raise unknown(f"column of {path}", level, header)
    levels: dict[str, str] = {}
    for line, row in table:
        name, value = _cells(f"{path} line {line}", row, header, level)
        if name in levels:
            raise UserError(f"{path} line {line}: a second row for class {name!r}; keep one of them")
        if name not in classes:
            raise UserError(f"{path} line {line}: class {name!r} has no folder; remove the row or add its pictures")
        levels[name] = value
    for name in classes:
        if name not in levels:
            raise UserError(f"{path}: class {name!r} has no row; add one")
    return levels, content


def _cells(where: str, row: list[str], header: list[str], level: str) -> tuple[str, str]:
    if len(row) != len(header):
        raise UserError(f"{where}: {len(row)} cells instead of {len(header)}; a row is: {','.join(header)}")
    name, value = row[header.index("class")], row[header.index(level)]
    if not value:
        raise UserError(f"{where}: class {name!r} has no {level}; write one")
    return name, value
