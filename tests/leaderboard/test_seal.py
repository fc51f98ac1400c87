"""Seals: whatever happens to a byte of a file, nobody takes it for whole."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.leaderboard import Row, seal
from partbench.leaderboard.names import digest
from partbench.leaderboard.parquet import (
    Unreadable,
    decode_board,
    decode_items,
    decode_rows,
    encode_board,
    encode_items,
)
from partbench.leaderboard.parquet import encode_rows as encode
from partbench.leaderboard.rows import to_frame
from partbench.leaderboard.versions import is_whole

ROW = Row(run_id="0123456789abcdef", metric="accuracy", protocol_id="1a2b3c4d", method="ivpt", dataset="cub", value=0.5,
          error=seal.BLANK.decode())  # a text that looks like a seal deceives nobody
ROWS = encode([ROW])
BOARD = encode_board(to_frame(decode_rows(ROWS).replace_schema_metadata()), digest([]), [seal.BLANK.decode()])
ITEMS = encode_items(pd.DataFrame({"image_id": ["1", "2"], "value": [0.5, 1.0]}))
READERS = {"rows": (ROWS, decode_rows), "board": (BOARD, lambda content: decode_board(content, digest([]))),
           "items": (ITEMS, decode_items)}


@pytest.mark.parametrize("kind", READERS)
def test_an_unharmed_file_is_read(kind):
    content, read = READERS[kind]
    assert seal.holds(content)
    assert read(content) is not None


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 2**30), bit=st.integers(0, 7), cut=st.booleans())
def test_a_flipped_bit_or_a_cut_tail_anywhere_is_noticed(kind, place, bit, cut):
    content, read = READERS[kind]
    place %= len(content)
    harmed = content[:place] if cut else bytes([*content[:place], content[place] ^ 1 << bit, *content[place + 1:]])
    with pytest.raises(Unreadable):
        read(harmed)
    assert not is_whole(harmed)


def test_the_cheap_test_takes_rows_alone():
    assert is_whole(ROWS)
    assert not is_whole(ITEMS)
