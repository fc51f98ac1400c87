"""Text files in the manner of CUB-200-2011: rows that begin with an id, and errors that name the line."""

from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import numpy as np

from ...errors import UserError
from .documents import content_of, text_of


class TextFile:
    """One annotation file. Blank lines are skipped; every error names file and line.

    Args:
        root: the data set's folder.
        name: path under it.
        columns: what a row holds, for messages: ``"image part x y visible"``.
        title: the data set, for messages.

    Raises:
        UserError: missing, unreadable or not UTF-8 text.
    """

    def __init__(self, root: Path, name: str, columns: str, title: str = "CUB-200-2011"):
        self.name = name
        self.path = root / name
        self.columns = columns.split()
        source = f"the {title} archive"
        self.content = content_of(self.path, source)
        self._lines = text_of(self.content, self.path, source).split("\n")
        self.rows = [line for line in self._lines if line and not line.isspace()]

    def fail(self, row: int, wrong: str) -> NoReturn:
        """Raise the error for ``row``; ``wrong`` is "what is wrong; how to mend it"."""
        numbers = (i for i, line in enumerate(self._lines, 1) if line and not line.isspace())
        line = next(number for i, number in enumerate(numbers) if i == row)
        raise UserError(f"{self.path} line {line}: {wrong}")

    def names(self) -> tuple[np.ndarray, list[str]]:
        """Rows of an id and a text with spaces: ids int64 [N], texts.

        Raises:
            UserError: an id is no whole number or appears twice, or a text is missing.
        """
        ids, texts = [], []
        for row, line in enumerate(self.rows):
            number, _, text = line.strip().partition(" ")
            if not (number.isascii() and number.isdigit() and len(number) < 16):
                self.fail(row, f"{number[:40]!r} is not an id; begin the row with a whole number")
            if not text.strip() or "\0" in text:
                self.fail(row, f"no {self.columns[1]} after the id; a row is: {' '.join(self.columns)}")
            ids.append(int(number))
            texts.append(text.strip())
        table = np.array(ids, np.int64)
        self.unique(table, f"{self.columns[0]} id")
        return table, texts

    def numbers(self) -> np.ndarray:
        """Rows of numbers, float64 [N, columns].

        Raises:
            UserError: a row too short or too long, or something that is not a finite number.
        """
        if not self.rows:
            return np.empty((0, len(self.columns)))
        try:
            table = np.loadtxt(self.rows, ndmin=2, comments=None)
        except ValueError:
            self._fail_at_first_bad_row()
        if table.shape[1] != len(self.columns) or not np.isfinite(table).all():
            self._fail_at_first_bad_row()
        return table

    def _fail_at_first_bad_row(self) -> NoReturn:
        for row, line in enumerate(self.rows):
            fields = line.split()
            if len(fields) != len(self.columns):
                self.fail(row, f"{len(fields)} fields instead of {len(self.columns)}; a row is: "
                               f"{' '.join(self.columns)}")
            for field, column in zip(fields, self.columns, strict=True):
                if not _finite(field):
                    self.fail(row, f"{column} is {field[:40]!r}; write a finite number")
        raise UserError(f"{self.path}: numbers in a form that cannot be read; write plain decimals")

    def whole(self, values: np.ndarray, column: str) -> np.ndarray:
        """A column as int64; an error where it holds a fraction."""
        wrong = np.flatnonzero((values != np.floor(values)) | (np.abs(values) > 2**53))
        if len(wrong):
            self.fail(wrong[0], f"{column} is {values[wrong[0]]:g}; write a whole number")
        return values.astype(np.int64)

    def among(self, values: np.ndarray, known: np.ndarray, column: str, source: "TextFile") -> np.ndarray:
        """Where each value stands in ``known``, the ids of ``source``; an error for one that does not."""
        values = self.whole(values, column)
        order = np.argsort(known)
        place = order[np.searchsorted(known[order], values).clip(max=len(known) - 1)]
        wrong = np.flatnonzero(known[place] != values)
        if len(wrong):
            self.fail(wrong[0], f"{column} {values[wrong[0]]} is not in {source.name}; add it there or remove this row")
        return place

    def unique(self, values: np.ndarray, what: str) -> None:
        """An error at the second row with the same value."""
        order = np.argsort(values, kind="stable")
        again = order[1:][values[order[1:]] == values[order[:-1]]]
        if len(again):
            self.fail(again.min(), f"a second row for the same {what}; keep one of them")

    def one_each(self, places: np.ndarray, ids: np.ndarray, source: "TextFile") -> None:
        """An error unless every id of ``source`` has exactly one row here."""
        self.unique(places, "image")
        self.some_each(places, ids, source)

    def some_each(self, places: np.ndarray, ids: np.ndarray, source: "TextFile") -> None:
        """An error unless every id of ``source`` has a row here."""
        missing = np.setdiff1d(np.arange(len(ids)), places)
        if len(missing):
            source.fail(missing[0], f"image {ids[missing[0]]} has no row in {self.name}; add one or remove the image")


class KeyedFile(TextFile):
    """A file whose rows begin with an image id that is text: each is read as the image's number.

    Args:
        numbers: image id -> number; None for images.txt, which numbers its images from 0.

    Attributes:
        numbers_of: image id -> number, in the order of images.txt.

    Raises:
        UserError: as :class:`TextFile`, or an image that images.txt does not list.
    """

    def __init__(self, root: Path, name: str, columns: str, title: str, numbers: Mapping[str, int] | None = None):
        super().__init__(root, name, columns, title)
        self.numbers_of = {} if numbers is None else numbers
        for row, line in enumerate(self.rows):
            image, *rest = line.split(maxsplit=1)
            if numbers is None:
                self.numbers_of.setdefault(image, len(self.numbers_of))
            elif image not in numbers:
                self.fail(row, f"image {image[:60]} is not in images.txt; add it there or remove this row")
            self.rows[row] = f"{self.numbers_of[image]} {''.join(rest)}"


def _finite(field: str) -> bool:
    try:
        return bool(np.isfinite(float(field)))
    except ValueError:
        return False
