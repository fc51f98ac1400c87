"""MATLAB files without SciPy's reader: what SciPy writes is read, and a damaged file is an error, never a crash."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from partbench.datasets.formats.matlab_arrays import read_arrays


def saved(variables, compressed=False):
    file = BytesIO()
    savemat(file, variables, do_compression=compressed)
    return file.getvalue()


def cells(*values):
    array = np.empty((len(values), 1), object)
    array[:, 0] = values
    return array


STRUCT = np.array([[(1, "a.jpg"), (2.5, "β.jpg")]], [("class", object), ("fname", object)])


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "i8", "f4", "f8"])
def test_numbers_of_every_type_come_back_in_their_shape(kind, compressed):
    matrix = np.arange(6, dtype=kind).reshape(2, 3)
    assert read_arrays(saved({"a": matrix}, compressed))["a"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("compressed", [False, True])
def test_texts_cells_and_structs_come_back(compressed):
    arrays = read_arrays(saved({"names": cells("x", "Größe / ß", "", "a longer text"), "s": STRUCT}, compressed))
    assert arrays["names"] == ["x", "Größe / ß", "", "a longer text"]
    assert [value.item() for value in arrays["s"]["class"]] == [1, 2.5]
    assert arrays["s"]["fname"] == ["a.jpg", "β.jpg"]


def test_a_logical_mask_in_a_struct_in_a_struct_keeps_its_shape():
    mask = np.array([[True, False, True], [False, False, True]])
    parts = np.array([[("head", mask)]], [("part_name", object), ("mask", object)])
    outer = np.array([[(parts,)]], [("parts", object)])
    [found] = read_arrays(saved({"anno": outer}, compressed=True))["anno"]["parts"]
    assert found["part_name"] == ["head"]
    assert np.array_equal(found["mask"][0] > 0, mask)


HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\1\0MI"


def element(kind, data):
    return kind.to_bytes(4, "big") + len(data).to_bytes(4, "big") + data + bytes(-len(data) % 8)


def array(family, data, shape=(1, 1), name=b""):
    """An array in the byte order of HEADER; ``data`` are its elements after the name."""
    dimensions = b"".join(side.to_bytes(4, "big") for side in shape)
    return element(14, element(6, bytes([0, 0, 0, family, 0, 0, 0, 0])) + element(5, dimensions) + element(1, name) +
                   data)


def test_letters_of_two_bytes_as_matlab_writes_them_and_the_other_byte_order_are_read():
    text = array(4, element(4, "dö".encode("utf-16-be")), (1, 2), b"t")
    assert read_arrays(HEADER + text) == {"t": "dö"}


def nested(depth):
    inner = b""
    for _ in range(depth):
        inner = array(1, inner, (1, int(bool(inner))))
    return inner


HOSTILE = {
    "cells in cells without end": (nested(2000), "recursion"),
    "more entries than the memory holds": (array(1, element(14, b"") * 2**20, (1, 2**20)), "more than 1048576 arrays"),
    "dimensions without end": (array(9, b"", (2**31 - 1,) * 10**5), "100000 dimensions"),
    "field names without end": (array(2, element(5, b"\0\0\0\1") + element(1, b"a" * 2**17)), "131072 in all"),
    "field names without letters": (array(2, element(5, bytes(4)) + element(1, b"a")), "names of 0 letters"),
    "a size with a fraction": (element(14, element(6, bytes(8)) + element(7, bytes(8))), "type 7 where whole numbers"),
    "a negative size": (array(9, element(1, b"ab"), (2**32 - 1, 2**32 - 2)), "2 dimensions, the smallest -2"),
    "an array without flags": (element(14, element(6, b"") + element(5, bytes(8)) + element(1, b"")), "out of bounds"),
    "an element longer than the file": (element(14, b"")[:4] + b"\xff" * 4, "ends in the middle"),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_file_made_to_do_harm_is_refused(hostile):
    content, reason = HOSTILE[hostile]
    with pytest.raises(ValueError, match=reason):
        read_arrays(HEADER + content)


def test_other_kinds_of_arrays_are_passed_over():
    from scipy.sparse import csc_array
    arrays = read_arrays(saved({"sparse": csc_array(np.eye(3)), "after": np.ones((1, 1))}))
    assert arrays["sparse"] is None
    assert arrays["after"].tolist() == [[1]]


def test_a_file_that_unpacks_to_too_much_is_refused():
    with pytest.raises(ValueError, match="more than 4 MiB"):
        read_arrays(saved({"a": np.zeros((1000, 1000))}, compressed=True), limit=2**22)


SOUND = saved({"numbers": np.arange(5.0), "names": cells("abc", "a longer text"), "s": STRUCT})


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=4),
       st.integers(0, len(SOUND)))
def test_changed_bytes_and_a_lost_end_are_read_or_refused(changes, length):
    content = bytearray(SOUND)
    for place, byte in changes:
        content[place] = byte
    for damaged in (content, SOUND[:length]):
        try:
            assert isinstance(read_arrays(bytes(damaged)), dict)
        except ValueError:
            pass
