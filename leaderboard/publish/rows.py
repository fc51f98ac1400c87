"""Rows on their way to a published ``leaderboard.parquet`` and back."""

from typing import TYPE_CHECKING

from ...errors import UserError
from ..names import digest, is_plain
from ..rows import schema, to_frame
from .sanitise import Sanitiser

if TYPE_CHECKING:
    import pandas

_IDS = {"run_id", "protocol_id", "split"}  # letters and digits that partbench gives: they name files
_JSON = {"settings", "versions"}


def sanitised(frame: "pandas.DataFrame", sanitiser: Sanitiser) -> "pandas.DataFrame":
    """The rows, every text in them sanitised but ids; each text once, however often it stands there."""
    texts = [field.name for field in schema() if field.type == "string" and field.name not in _IDS]
    cleaned = {}
    for name in texts:
        clean = sanitiser.document if name in _JSON else sanitiser.name if name == "sweep" else sanitiser.text
        cleaned[name] = frame[name].map({text: clean(text) for text in frame[name].unique()})
    return frame.assign(**cleaned)


def empty() -> "pandas.DataFrame":
    """No rows."""
    return to_frame(schema().empty_table())


def encode(frame: "pandas.DataFrame") -> bytes:
    """Rows as a leaderboard that stands alone: it says that it was built from no row files."""
    from ..parquet import encode_board

    return encode_board(frame, digest([]), [])


def decode(content: bytes, where: str) -> "pandas.DataFrame":
    """What :func:`encode` wrote; ``where`` it stands is for the error.

    Raises:
        UserError: it is torn or foreign, or holds rows that partbench never writes.
    """
    from ..parquet import Unreadable, decode_rows

    try:
        frame = to_frame(decode_rows(content).replace_schema_metadata())
    except Unreadable as error:
        raise UserError(f"cannot read {where}: {error}; bring back an earlier version of it") from None
    names = {name for column in (*sorted(_IDS), "sweep") for name in frame[column].unique()} - {""}
    odd = sorted(name for name in names if not is_plain(name))
    if odd:
        raise UserError(f"cannot read {where}: '{odd[0][:40]}' is no name that partbench gives; bring back an earlier "
                        "version of it")
    return frame
