"""From many row files to one frame: whatever is torn, foreign or superseded stays out, with the reason."""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from .built import Built, Ending
from .files import Folder, Found
from .names import Name, parse
from .parquet import Unreadable, decode_rows
from .rows import KEY, SCORED, schema, to_frame

if TYPE_CHECKING:
    import pandas

_ENDING = ["run_id", "split", "sweep", "protocol_id", "attempt"]


def merge(folder: Folder, files: Sequence[Found], before: Built | None = None) -> Built:
    """Rows that count among those of ``files`` and those that were built ``before``; one line for each file skipped."""
    tables, problems = [], [] if before is None else list(before.problems)
    for found in files:
        try:
            tables.append(row_table(folder, found))
        except FileNotFoundError:
            continue  # replaced or removed since the listing
        except (OSError, Unreadable) as error:
            problems.append(f"rows/{found.name}: {error}")
    if before is not None:
        table = pa.Table.from_pandas(before.frame, schema=schema(), preserve_index=False)
        tables.append(table.replace_schema_metadata())
    frame = to_frame(pa.concat_tables([schema().empty_table(), *tables]).combine_chunks())
    gone = [] if before is None else before.superseded
    counted = counts(frame, gone)
    gone = sorted({*gone, *frame.loc[~counted, _ENDING].itertuples(index=False, name=None)})
    frame = frame[counted].sort_values([*KEY, "attempt"], ignore_index=True)
    return Built(frame, sorted(problems, key=_file), gone)


def _file(problem: str) -> str:
    return problem.partition(": ")[0]


def row_table(folder: Folder, found: Found) -> pa.Table:
    """The rows of one file.

    Raises:
        OSError: it is not there any more, or is no plain file.
        Unreadable: torn, foreign, or not what its name says.
    """
    name = parse(found.name)
    if name is None:
        raise Unreadable("not a name that partbench writes")
    table = decode_rows(folder.read(found.path))
    _belongs(table, name)
    return table


def _belongs(table: pa.Table, name: Name) -> None:
    """Rows under another's name would be counted twice."""
    said = {"run_id": name.run_id, "attempt": name.attempt, "sweep": name.sweep}
    if not name.attempt:
        said |= {"protocol_id": name.protocol_id, "split": name.split}
    # Plain Python: a file has a few rows, and setting up arrow's functions takes longer than they do.
    rows = table.select(list({*said, *KEY, "status", "value"})).to_pydict()
    for column, value in said.items():
        if set(rows[column]) != {value}:
            raise Unreadable(f"its rows are not of the {column} that its name says")
    statuses = set(rows["status"])
    if (statuses <= SCORED) if name.attempt else not statuses <= SCORED:
        raise Unreadable("scores and failed attempts are mixed up")
    if len(set(zip(*(rows[column] for column in KEY), strict=True))) < len(table):
        raise Unreadable("one key twice")
    if not all(value is not None and isfinite(value)
               for value, status in zip(rows["value"], rows["status"], strict=True) if status == "done"):
        raise Unreadable("a done row without a finite value")


def counts(frame: "pandas.DataFrame", gone: Iterable[Ending] = ()) -> np.ndarray:
    """Which rows count: scores, and attempts that nothing supersedes, be it in the frame or among what is ``gone``.

    An attempt is superseded by scores and by a later attempt of its run, split and sweep. Both must concern its
    protocol, unless one of them ended before it came to a protocol (the empty id).
    """
    endings: dict[tuple[str, str, str], list[tuple[str, int]]] = {}
    here = frame[_ENDING].drop_duplicates().itertuples(index=False, name=None)
    for run_id, split, sweep, protocol, attempt in (*here, *gone):
        endings.setdefault((run_id, split, sweep), []).append((protocol, attempt))

    def stands(run_id: str, split: str, sweep: str, protocol: str, attempt: int) -> bool:
        return attempt == 0 or not any(
            (other == 0 or other > attempt) and ("" in (protocol, against) or protocol == against)
            for against, other in endings[run_id, split, sweep])

    return np.array([stands(*row) for row in frame[_ENDING].itertuples(index=False, name=None)], dtype=bool)
