"""Versions of the row files: what each added, the marks that say which one a file is of, and a test of a whole file.

A new column takes a default that is true of all rows before it or says "not known", and a line in ``ADDED``.
"""

from . import seal

ADDED: dict[int, tuple[str, ...]] = {
    2: ("precision", "batch_size", "rate_factor", "accumulation", "coupled_batch", "workers"),
    3: ("views",),
}
"""Columns by the schema version that brought them; rows of an earlier one are read with their defaults."""
SCHEMA_VERSION = max(ADDED)
SEALED = 2
"""Files of this version and later ones have a seal: rows, and items too."""
_MAGIC = b"PAR1"  # at both ends of a Parquet file


def mark(version: int = SCHEMA_VERSION) -> bytes:
    """Stands in the metadata of every row file: ours, and of this schema."""
    return f"partbench-rows/{version};".encode()


_OLDER = tuple(map(mark, range(1, SEALED)))
_SEALED = tuple(map(mark, range(SEALED, SCHEMA_VERSION + 1)))


def is_whole(content: bytes) -> bool:
    """Cheaply, without pyarrow: a row file of ours, of a version that can be read, neither torn nor changed.

    Of the first version, that both ends are whole.
    """
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    if start < len(_MAGIC) or not content.startswith(_MAGIC) or not content.endswith(_MAGIC):
        return False
    intact, footer = seal.holds(content), content[start:]
    return intact is not False and any(mark in footer for mark in (_SEALED if intact else _OLDER))
