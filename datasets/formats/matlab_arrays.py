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
# Far more than annotations have. A small array takes ten times its file's bytes in memory.
_MOST_ARRAYS, _MOST_DIMENSIONS, _LONGEST_NAMES = 2**20, 32, 2**16


def read_arrays(content: bytes, limit: int = 512 * 2**20) -> dict[str, Value]:
    """Every variable of a file by name.

    An array of numbers keeps its shape (a logical one holds 0 and 1), a row of letters is a text, a cell array the list
    of its cells, and a struct array a dict from field to the list of its entries' values; lists are in MATLAB's order,
    column by column. Other kinds (sparse arrays, functions, objects) are None.

    Args:
        content: the file.
        limit: bytes that its compressed elements may hold together.

    Raises:
        ValueError: the file is damaged, not what it says, or made to fill the memory.
    """
    if not content.startswith(b"MATLAB 5.0 MAT-file") or len(content) < _HEADER:
        raise ValueError("it does not begin as a MATLAB 5 file")
    reader = _Reader(">" if content[126:128] == b"MI" else "<")
    try:
        return dict(reader.array(*element) for element in _unpacked(reader, memoryview(content)[_HEADER:], limit))
    except (IndexError, RecursionError, zlib.error) as error:
        raise ValueError(str(error)) from None


def _unpacked(reader: "_Reader", data: memoryview, limit: int) -> Iterator[tuple[int, memoryview]]:
    """The elements of the outermost level: only they may be compressed."""
    room = limit
    for kind, element in reader.elements(data):
        if kind == _COMPRESSED:
            inflated = zlib.decompressobj().decompress(element, room + 1)
            room -= len(inflated)
            if room < 0:
                raise ValueError(f"it unpacks to more than {limit >> 20} MiB")
            kind, element = next(reader.elements(memoryview(inflated)), (0, element))
        yield kind, element


class _Reader:
    """Elements and arrays in a byte order; takes nothing that its surroundings have no room for."""

    def __init__(self, order: str):
        self._arrays = 0
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
        self._arrays += 1
        if self._arrays > _MOST_ARRAYS:
            raise ValueError(f"it holds more than {_MOST_ARRAYS} arrays")
        if kind != _MATRIX:
            raise ValueError(f"an element of type {kind} where an array is due")
        if not data:  # how an empty array may be written
            return "", np.empty(0)
        elements = self.elements(data)
        flags, shape, name = (self._numbers(elements, whole=True) for _ in range(3))
        family = int(flags[0]) & 0xFF
        if not 2 <= len(shape) <= _MOST_DIMENSIONS or shape.min() < 0:
            raise ValueError(f"an array of {len(shape)} dimensions, the smallest {min(shape, default=0)}")
        return name.tobytes().decode("latin-1"), self._value(family, shape.tolist(), elements)

    def _value(self, family: int, shape: list[int], elements: Iterator[tuple[int, memoryview]]) -> Value:
        count = prod(shape)
        if family in _NUMERIC:
            numbers = self._numbers(elements)
            if len(numbers) != count:
                raise ValueError(f"{len(numbers)} numbers in an array of {count}")
            return numbers.reshape(shape, order="F")
        if family == _CHAR:
            return self._text(elements, count, shape)
        if family == _CELL:
            return self._entries(elements, count)
        if family == _STRUCT:
            fields = self._fields(elements)
            entries = self._entries(elements, count * len(fields))
            return {field: entries[i::len(fields)] for i, field in enumerate(fields)}
        return None

    def _fields(self, elements: Iterator[tuple[int, memoryview]]) -> list[str]:
        """Names of a struct's fields, each filled up with zeros to the same length."""
        length, names = int(self._numbers(elements, whole=True)[0]), self._numbers(elements, whole=True).tobytes()
        if length < 1 or len(names) > _LONGEST_NAMES:
            raise ValueError(f"field names of {length} letters, {len(names)} in all")
        return [names[i:i + length].split(b"\0")[0].decode("ascii") for i in range(0, len(names), length)]

    def _entries(self, elements: Iterator[tuple[int, memoryview]], count: int) -> list[Value]:
        entries = [self.array(*element)[1] for element in elements]
        if len(entries) != count:
            raise ValueError(f"{len(entries)} entries in an array of {count}")
        return entries

    def _text(self, elements: Iterator[tuple[int, memoryview]], count: int, shape: list[int]) -> str:
        kind, data = next(elements, (0, memoryview(b"")))
        if not count:
            return ""
        if kind not in _LETTERS or shape[0] != 1:
            raise ValueError("letters that are no row of text")
        return bytes(data).decode(_LETTERS[kind].format("le" if self._order == "<" else "be"))

    def _numbers(self, elements: Iterator[tuple[int, memoryview]], whole: bool = False) -> np.ndarray:
        kind, data = next(elements, (0, memoryview(b"")))
        if kind not in _NUMBERS or (whole and _NUMBERS[kind][0] == "f"):
            raise ValueError(f"an element of type {kind} where {'whole ' * whole}numbers are due")
        return np.frombuffer(data, self._order + _NUMBERS[kind])
