"""MATLAB 5 files of annotations: lists of texts and whole numbers, and errors that name the entry."""

from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import numpy as np

from ...errors import UserError
from .documents import content_of
from .matlab_arrays import Value, read_arrays


class MatlabFile:
    """Some variables of a MATLAB file.

    Args:
        root: the data set's folder.
        name: path under it.
        variables: what has to be in it.
        title: the data set, for messages.

    Attributes:
        content: the file's bytes.

    Raises:
        UserError: missing, unreadable, no MATLAB 5 file, damaged, or without one of the variables.
    """

    def __init__(self, root: Path, name: str, variables: Iterable[str], title: str):
        self.name = name
        self.path = root / name
        self._mend = f"take it from the {title} archive again"
        self.content = content_of(self.path, f"the {title} archive")
        try:
            self._variables = read_arrays(self.content)
        except ValueError as error:
            raise UserError(f"{self.path} is no MATLAB 5 file, or damaged ({error}); {self._mend}") from None
        for variable in variables:
            if self._variables.get(variable) is None:
                raise UserError(f"{self.path} has no variable {variable}; {self._mend}")

    def fail(self, variable: str, entry: int, wrong: str) -> NoReturn:
        """Raise the error for an entry, counted from 0; ``wrong`` is "what is wrong; how to mend it"."""
        raise UserError(f"{self.path} {variable}({entry + 1}): {wrong}")

    def texts(self, variable: str, field: str | None = None) -> list[str]:
        """A cell array of texts, or one field of a struct array.

        Raises:
            UserError: an entry is no text.
        """
        texts = self._entries(variable, field)
        for entry, text in enumerate(texts):
            if not isinstance(text, str) or not text.strip() or "\0" in text:
                self.fail(variable, entry, f"{field or 'the entry'} is no text; {self._mend}")
        return list(texts)

    def whole_numbers(self, variable: str, field: str | None = None) -> np.ndarray:
        """An array of whole numbers, or one field of a struct array, int64 [N].

        Raises:
            UserError: an entry is no finite whole number.
        """
        values = []
        for entry, cell in enumerate(self._entries(variable, field)):
            number = cell.item() if isinstance(cell, np.ndarray | np.generic) and cell.size == 1 else None
            if number is None or number != number or abs(number) > 2**53 or number % 1:
                self.fail(variable, entry, f"{field or 'the entry'} is no whole number; {self._mend}")
            values.append(int(number))
        return np.array(values, np.int64)

    def _entries(self, variable: str, field: str | None) -> Iterable[Value]:
        array = self._variables[variable]
        if isinstance(array, dict) and field is not None:
            if field not in array:
                raise UserError(f"{self.path}: {variable} has no field {field}; {self._mend}")
            return array[field]
        if field is not None or not isinstance(array, list | np.ndarray):
            raise UserError(f"{self.path}: {variable} is another kind of array than it should be; {self._mend}")
        return array.ravel() if isinstance(array, np.ndarray) else array
