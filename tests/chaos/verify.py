"""What 100 kills may not do to results: lose a row, double one, change a value, leave something behind."""

import filecmp
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

import pandas
import pyarrow
import pyarrow.parquet

from partbench.leaderboard.rows import COLUMNS, KEY, SCORED

_OF_THE_MACHINE = {"train_seconds", "explain_seconds", "score_seconds", "peak_memory_mb", "started_at", "finished_at"}
VALUES = [name for name in COLUMNS if name not in {*KEY, *_OF_THE_MACHINE}]
"""Columns in which a broken and an unbroken command agree."""


@dataclass
class Damage:
    """What is wrong with a folder of results, and what was left behind; all of them 0 where nothing is."""

    lost_rows: int = 0
    duplicate_rows: int = 0
    wrong_values: int = 0
    torn_files: int = 0
    temporary_files: int = 0
    orphan_processes: int = 0
    stuck_commands: int = 0

    def __add__(self, other: "Damage") -> "Damage":
        return Damage(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def __bool__(self) -> bool:
        return self != Damage()


def scores(out: Path) -> tuple[pandas.DataFrame, list[Path]]:
    """Every score in every file, read without partbench's own reader, and the files that no reader takes."""
    tables, torn = [], []
    for file in sorted((out / "rows").glob("*.parquet")):
        try:
            tables.append(pyarrow.parquet.read_table(file).to_pandas())
        except (pyarrow.ArrowException, OSError):
            torn.append(file)
    frame = pandas.concat(tables) if tables else pandas.DataFrame(columns=list(COLUMNS))
    return frame[frame.status.isin(SCORED)], torn


def temporaries(out: Path) -> list[Path]:
    """Files that a finished command has no use for."""
    return sorted(path for path in out.rglob("*")
                  if path.is_file() and (path.name.endswith(".tmp") or {"leases", "tokens"} & set(path.parts)))


def compare(out: Path, reference: Path) -> tuple[Damage, list[str]]:
    """What is wrong with the finished results in ``out``, counted, and as lines to read."""
    found, torn = scores(out)
    wanted, _ = scores(reference)
    found, wanted = (frame.set_index(KEY)[VALUES] for frame in (found, wanted))
    times = Counter(found.index)
    lost = [key for key in wanted.index if not times[key]]
    twice = [key for key, count in times.items() if count > 1]
    once = [key for key in wanted.index if times[key] == 1]
    found = found.loc[once]
    wrong = [(key, name, found.at[key, name], wanted.at[key, name]) for key in once for name in VALUES
             if not _same(found.at[key, name], wanted.at[key, name])]
    changed = [path.relative_to(out) for path in sorted(out.glob("runs/*/losses.csv"))
               if not filecmp.cmp(path, reference / path.relative_to(out), shallow=False)]
    left = temporaries(out)
    lines = [*(f"lost: {key}" for key in lost), *(f"{times[key]} times: {key}" for key in twice),
             *(f"{name} is {value!r} instead of {right!r}: {key}" for key, name, value, right in wrong),
             *(f"other losses: {path}" for path in changed), *(f"torn: {path}" for path in torn),
             *(f"left behind: {path}" for path in left)]
    strangers = len(set(times) - set(wanted.index))
    doubled = sum(times[key] - 1 for key in twice)
    return Damage(len(lost), doubled + strangers, len(wrong) + len(changed), len(torn), len(left)), lines


def _same(one: object, other: object) -> bool:
    return one == other or (pandas.isna(one) and pandas.isna(other))
