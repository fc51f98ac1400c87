"""Versions of the row files: what each added, and the marks that say which one a file is of.

A new column takes a default that is true of all rows before it or says "not known", and a line in ``ADDED``.
"""

ADDED: dict[int, tuple[str, ...]] = {
    2: ("precision", "batch_size", "rate_factor", "accumulation", "coupled_batch", "workers"),
}
"""Columns by the schema version that brought them; rows of an earlier one are read with their defaults."""
SCHEMA_VERSION = max(ADDED)


def mark(version: int = SCHEMA_VERSION) -> bytes:
    """Stands in the metadata of every row file: ours, and of this schema."""
    return f"partbench-rows/{version};".encode()


MARKS = tuple(mark(version) for version in range(1, SCHEMA_VERSION + 1))
"""Those of files that can be read."""
