"""The ledger of published numbers, ``published.csv``: what papers and repositories report, with source and certainty.

Facts only. One line is one number as it was printed; what a source leaves open is left empty.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from math import isfinite

UNITS = {"%": 0.01, "fraction": 1.0, "points": None, "of 5": None}
"""What one unit is as a fraction; None for what no score of ours is held against (differences, ratings)."""
CERTAINTIES = ("exact", "second-hand", "uncertain")
"""Read in the source itself, in a text that quotes it, or in one that may have been misread."""
_NEEDED = ("method", "dataset", "metric", "value", "unit", "protocol", "certainty", "source")


@dataclass(frozen=True)
class Published:
    """One number as a source prints it.

    Attributes:
        method, variant: as partbench calls them; a method that partbench does not have by its own name.
        dataset: as partbench calls it; another one, or a mean over several, by its own name.
        backbone: timm name; empty where it is not stated, or several.
        image_size: pixels; None where it is not stated.
        metric: as partbench calls it; what partbench does not measure by a name of its own.
        value: as printed, so that its digits are known.
        unit: of :data:`UNITS`.
        spread: what follows ± in print, in the same unit; empty where nothing does.
        seeds: trainings behind the number; None where it is not stated.
        fit_on: ``train`` or ``train+val``, which is the whole official training set; empty where it is not stated.
        protocol: partbench's name of it where it has one, else in words.
        certainty: of :data:`CERTAINTIES`.
        source: paper and table, or repository and file.
        note: what else a reader has to know.
    """

    method: str
    variant: str
    dataset: str
    backbone: str
    image_size: int | None
    metric: str
    value: str
    unit: str
    spread: str
    seeds: int | None
    fit_on: str
    protocol: str
    certainty: str
    source: str
    note: str

    @property
    def name(self) -> str:
        """``method`` or ``method@variant``."""
        return f"{self.method}@{self.variant}" if self.variant else self.method

    @property
    def fraction(self) -> float | None:
        """The value in the unit of rows; None for a difference or a rating."""
        scale = UNITS[self.unit]
        return None if scale is None else float(self.value) * scale

    @property
    def rounding(self) -> float:
        """Half of the last printed digit, a fraction: the true value is so near. 0 where :attr:`fraction` is None."""
        decimals = len(self.value.partition(".")[2])
        return (UNITS[self.unit] or 0.0) * 0.5 * 10.0**-decimals


@cache
def published_numbers() -> tuple[Published, ...]:
    """The ledger that comes with partbench, in the order of its sources."""
    return tuple(read_ledger((files(__package__) / "published.csv").read_text(encoding="utf-8")))


def read_ledger(text: str) -> list[Published]:
    """A ledger from CSV with the columns of :class:`Published`.

    Raises:
        ValueError: other columns, a needed cell left empty, a number that is none, an unknown unit or certainty, or one
            line twice; names the line.
    """
    lines = csv.DictReader(io.StringIO(text), strict=True)
    columns = [field.name for field in fields(Published)]
    if lines.fieldnames != columns:
        raise ValueError(f"a ledger has the columns {', '.join(columns)}")
    found: dict[Published, int] = {}
    for number, entry in _checked(lines):
        if entry in found:
            raise ValueError(f"line {number} repeats line {found[entry]}")
        found[entry] = number
    return list(found)


def _checked(lines: csv.DictReader) -> Iterator[tuple[int, Published]]:
    for cells in lines:
        number = lines.line_num
        try:
            yield number, _entry(cells)
        except (TypeError, ValueError) as error:
            raise ValueError(f"line {number}: {error}") from None


def _entry(cells: dict[str, str]) -> Published:
    if None in cells or None in cells.values():
        raise ValueError("too many cells, or too few")
    for name in _NEEDED:
        if not cells[name]:
            raise ValueError(f"no {name}")
    for name, known in (("unit", UNITS), ("certainty", CERTAINTIES), ("fit_on", ("", "train", "train+val"))):
        if cells[name] not in known:
            raise ValueError(f"{name} '{cells[name]}' is none of: {', '.join(filter(None, known))}")
    if not all(isfinite(float(cells[name] or 0)) for name in ("value", "spread")):
        raise ValueError("value and spread are finite numbers")
    whole = {name: int(cells[name]) if cells[name] else None for name in ("image_size", "seeds")}
    return Published(**cells | whole)
