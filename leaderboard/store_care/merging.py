"""One folder of results of several: the same one in whatever order they come, and however often.

Scores are united as a publish unites them: where two folders have another value of one score, the one that was finished
first counts, the other is kept in ``aside.parquet``, and the clash is told. Attempts are numbered anew. Everything is
read before anything is written, rows are written last, and what is there counts as one folder more: who is killed in
the middle finds nothing lost, and the same command finishes.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from ...errors import UserError
from ..files import Folder
from ..merge import row_table
from ..names import attempt_name, parse
from ..parquet import encode_board, encode_table
from ..publish.union import united
from ..rows import KEY, schema, to_frame
from ..store import ROWS, Store
from .attempts import Attempt, renumbered
from .checking import RATES, results_folder
from .finding import Progress
from .gathered import LOST, Gathered, gathered
from .other_files import bring, other_files

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Merged:
    """What a merge did.

    Attributes:
        rows, attempts, files: that the folder holds now; ``files`` are those that are no rows.
        written: files that were written.
        clashes: a line for each score of which there are several values.
        skipped: a line for each file that was left out.
    """

    rows: int
    attempts: int
    files: int
    written: int
    clashes: list[str]
    skipped: list[str]


def merge_results(folders: Sequence[str | os.PathLike], to: str | os.PathLike,
                  progress: Progress = lambda what, done, total: None) -> Merged:
    """Bring everything that folders of results hold into one of them, or into a new one; the others stay as they are.

    While this works nobody else may write there.

    Raises:
        UserError: there are no results, something in ``to`` cannot be read, or it cannot be written.
    """
    sources = [results_folder(folder) for folder in folders]
    into = Folder(to)
    if not into.local:
        raise UserError(f"--to {into.url}: give a folder on a disk, and copy it afterwards")
    if Path(into.root).exists() and not Path(into.root).is_dir():
        raise UserError(f"--to {into.url} is a file; give a folder")
    merged = _merged([*sources, into], into, progress)
    rates = [folder for folder in (Folder(Path(source.root) / RATES) for source in sources) if folder.exists(ROWS)]
    if not rates:
        return merged
    trials = _merged([*rates, (own := Folder(Path(into.root) / RATES))], own, progress)
    return Merged(merged.rows + trials.rows, merged.attempts + trials.attempts, merged.files + trials.files,
                  merged.written + trials.written, merged.clashes + trials.clashes, merged.skipped + trials.skipped)


def _merged(sources: list[Folder], into: Folder, progress: Progress) -> Merged:
    own = {os.path.realpath(source.root): source for source in sources}
    sources = sorted(own.values(), key=lambda source: source.root)
    into = own[os.path.realpath(into.root)]
    found = gathered(sources, into, progress)
    union = united(to_frame(schema().empty_table()), to_frame(found.table()))
    Store(into.root).check_writable()
    files, forked, skipped = other_files(sources, found.finished)
    written = bring(files, Path(into.root), progress)
    attempts = {run_id: renumbered(each) for run_id, each in sorted(found.attempts.items())}
    written += sum(_number(into, run_id, numbered) for run_id, numbered in attempts.items())
    written += _put(into, encode_board(union.aside, "", []), LOST) if len(union.aside) else 0
    written += _write_scores(into, found, union.counted)
    Store(into.root).build()
    return Merged(len(union.counted), sum(map(len, attempts.values())), len(files), written,
                  [*union.clashes, *forked], [*found.skipped, *skipped])


def _write_scores(into: Folder, found: Gathered, counted: "pandas.DataFrame") -> int:
    """Each file as all folders have it, or made of the rows that count where they have different ones."""
    written = 0
    groups = dict(iter(counted.groupby(["run_id", "protocol_id", "split", "sweep"], sort=False)))
    for file, contents in sorted(found.scores.items()):
        if len(contents) == 1:
            content, = contents
        else:
            name = parse(file)
            rows = groups[name.run_id, name.protocol_id, name.split, name.sweep].sort_values(KEY)
            content = encode_table(pa.Table.from_pandas(rows, schema=schema(), preserve_index=False))
        written += _put(into, content, ROWS, file)
    return written


def _number(into: Folder, run_id: str, numbered: dict[int, Attempt]) -> int:
    """Give the attempts of a run their numbers; none is overwritten before it has another place."""
    known = {file.name: Attempt.of(row_table(into, file), name.attempt) for file in into.list(ROWS)
             if (name := parse(file.name)) and name.run_id == run_id and name.attempt}
    wanted = {attempt_name(run_id, number, attempt.rows["sweep"][0].as_py()): (number, attempt)
              for number, attempt in numbered.items()}
    right = {name for name, attempt in known.items() if name in wanted and wanted[name][1].said == attempt.said}
    free = max([len(numbered), *(attempt.number for attempt in known.values())])
    for extra, attempt in enumerate((known[name] for name in sorted(known.keys() - right)), 1):
        sweep = attempt.rows["sweep"][0].as_py()
        _put(into, encode_table(attempt.numbered(free + extra)), ROWS, attempt_name(run_id, free + extra, sweep))
    for name in sorted(wanted.keys() - right):
        number, attempt = wanted[name]
        _put(into, encode_table(attempt.numbered(number)), ROWS, name)
    for file in into.list(ROWS):
        name = parse(file.name)
        if name and name.run_id == run_id and name.attempt and file.name not in wanted:
            os.unlink(file.path)
    return len(wanted.keys() - right)


def _put(into: Folder, content: bytes, *parts: str) -> bool:
    """Write a file unless it is there already; returns whether it was written."""
    try:
        if into.read(into.path(*parts)) == content:
            return False
    except OSError:
        pass  # not there, or a link, whose name the file takes
    into.write(content, *parts)
    return True
