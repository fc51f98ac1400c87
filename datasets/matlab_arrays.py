"""Reading MATLAB 5 files of numbers, texts, cells and structs, the kinds that annotations come in.

SciPy's reader trusts what a file says of itself, and some damaged files crash it, and the program with it. Format:
MathWorks, "MAT-File Format", chapter "Level 5 MAT-File Format".
"""

import zlib
from collections.abc import Iterator
from math import prod
from struct import Struct

import numpy as np

Value = np.ndarray | str | list | dict | None

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_LETTERS = {1: "ascii", 2: "ascii", 4: "utf-16-{}", 16: "utf-8", 17: "utf-16-{}", 18: "utf-32-{}"}
_CELL, _STRUCT, _CHAR, _NUMERIC = 1, 2, 4, range(6, 16)


def read_arrays(content: bytes, limit: int = 512 * 2**20) -> dict[str, Value]:
    """Every variable of a file by name.

    An array of numbers is a flat one in MATLAB's order, a row of letters a text, a cell array the list of its cells,
    and a struct array a dict from field to the list of its entries' values. Other kinds (sparse arrays, functions,
    objects) are None.

    Args:
        content: the file.
        limit: bytes that its compressed elements may hold together.

    Raises:
        ValueError: the file is not what it says; zlib.error: damaged compressed data.
    """
    if not content.startswith(b"MATLAB 5.0 MAT-file") or len(content) < _HEADER:
        raise ValueError("it does not begin as a MATLAB 5 file")
    reader = _Reader(">" if content[126:128] == b"MI" else "<")
    arrays = {}
    for kind, data in reader.elements(memoryview(content)[_HEADER:]):
        if kind == _COMPRESSED:
            unpacked = zlib.decompressobj().decompress(data, limit + 1)
            limit -= len(unpacked)
            if limit < 0:
                raise ValueError("it unpacks to more than annotations need")
            kind, data = next(reader.elements(memoryview(unpacked)), (0, data))
        name, value = reader.array(kind, data)
        arrays[name] = value
    return arrays


class _Reader:
    """Elements and arrays in a byte order; takes nothing that its surroundings have no room for."""

    def __init__(self, order: str):
        self._order = order
        self._tag = Struct(f"{order}II")

    def elements(self, data: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Type and content of the elements that follow each other in ``data``."""
        place = 0
        while place < len(data):
            if place + 8 > len(data):
                raise ValueError("it ends in the middle")
            kind, size = self._tag.unpack_from(data, place)
            if kind >> 16:  # up to four bytes are packed into the second half of the tag
                kind, size, start, after = kind & 0xFFFF, kind >> 16, place + 4, place + 8
            else:  # others end at a multiple of eight bytes, but compressed ones follow each other without a gap
                start = place + 8
                after = start + (size if kind == _COMPRESSED else -(-size // 8) * 8)
            if start + size > min(len(data), after):
                raise ValueError("it ends in the middle")
            yield kind, data[start:start + size]
            place = after

    def array(self, kind: int, data: memoryview) -> tuple[str, Value]:
        """Name and value."""
        if kind != _MATRIX:
            raise ValueError(f"an element of type {kind} where an array is due")
        if not data:  # how an empty array may be written
            return "", np.empty(0)
        elements = self.elements(data)
        flags, shape, name = (self._numbers(elements) for _ in range(3))
        family, count = int(flags[0]) & 0xFF, prod(shape.tolist())
        return name.tobytes().decode("latin-1"), self._value(family, count, shape, elements)

    def _value(self, family: int, count: int, shape: np.ndarray, elements: Iterator[tuple[int, memoryview]]) -> Value:
        if family in _NUMERIC:
            numbers = self._numbers(elements)
            if len(numbers) != count:
                raise ValueError(f"{len(numbers)} numbers in an array of {count}")
            return numbers
        if family == _CHAR:
            return self._text(elements, count, shape)
        if family == _CELL:
            return self._entries(elements, count)
        if family == _STRUCT:
            width, names = int(self._numbers(elements)[0]), self._numbers(elements).tobytes()
            fields = [names[i:i + width].split(b"\0")[0].decode("ascii") for i in range(0, len(names), max(width, 1))]
            entries = self._entries(elements, count * len(fields))
            return {field: entries[i::len(fields)] for i, field in enumerate(fields)}
        return None

    def _entries(self, elements: Iterator[tuple[int, memoryview]], count: int) -> list[Value]:
        entries = [self.array(*element)[1] for element in elements]
        if len(entries) != count:
            raise ValueError(f"{len(entries)} entries in an array of {count}")
        return entries

    def _text(self, elements: Iterator[tuple[int, memoryview]], count: int, shape: np.ndarray) -> str:
        kind, data = next(elements, (0, memoryview(b"")))
        if not count:
            return ""
        if kind not in _LETTERS or shape[0] != 1:
            raise ValueError("letters that are no row of text")
        return bytes(data).decode(_LETTERS[kind].format("le" if self._order == "<" else "be"))

    def _numbers(self, elements: Iterator[tuple[int, memoryview]]) -> np.ndarray:
        kind, data = next(elements, (0, memoryview(b"")))
        if kind not in _NUMBERS:
            raise ValueError(f"an element of type {kind} where numbers are due")
        return np.frombuffer(data, self._order + _NUMBERS[kind])
