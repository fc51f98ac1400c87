"""MATLAB files without SciPy's reader: what SciPy writes is read, and a damaged file is an error, never a crash."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from partbench.datasets.matlab_arrays import read_arrays


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
def test_numbers_of_every_type_come_back_in_column_order(kind, compressed):
    matrix = np.arange(6, dtype=kind).reshape(2, 3)
    assert read_arrays(saved({"a": matrix}, compressed))["a"].tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize("compressed", [False, True])
def test_texts_cells_and_structs_come_back(compressed):
    arrays = read_arrays(saved({"names": cells("x", "Größe / ß", "", "a longer text"), "s": STRUCT}, compressed))
    assert arrays["names"] == ["x", "Größe / ß", "", "a longer text"]
    assert [value.tolist() for value in arrays["s"]["class"]] == [[1], [2.5]]
    assert arrays["s"]["fname"] == ["a.jpg", "β.jpg"]


def test_letters_of_two_bytes_as_matlab_writes_them_and_the_other_byte_order_are_read():
    def element(kind, data):
        return kind.to_bytes(4, "big") + len(data).to_bytes(4, "big") + data + bytes(-len(data) % 8)

    text = element(6, bytes([0, 0, 0, 4, 0, 0, 0, 0])) + element(5, bytes([0, 0, 0, 1, 0, 0, 0, 2])) + \
        element(1, b"t") + element(4, "dö".encode("utf-16-be"))
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\1\0MI"
    assert read_arrays(header + element(14, text)) == {"t": "dö"}


def test_other_kinds_of_arrays_are_passed_over():
    from scipy.sparse import csc_array
    arrays = read_arrays(saved({"sparse": csc_array(np.eye(3)), "after": np.ones((1, 1))}))
    assert arrays["sparse"] is None
    assert arrays["after"].tolist() == [1]


def test_a_file_that_unpacks_to_too_much_is_refused():
    with pytest.raises(ValueError, match="more than annotations need"):
        read_arrays(saved({"a": np.zeros((1000, 1000))}, compressed=True), limit=10**6)


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
        except (ValueError, IndexError):
            pass
