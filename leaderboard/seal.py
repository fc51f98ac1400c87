"""Seals: a checksum over a whole Parquet file, in its own metadata, so that no flipped bit reaches whoever reads it.

Parquet's page checksums leave out the headers of pages and the footer, where a flipped bit gives wrong values, or a
reader that crashes. The file is written with zeros in the seal's place, and these are replaced by the checksum of that.
"""

import re
import zlib

KEY = b"seal"
BLANK = b"partbench-crc32:00000000;"
"""What a file is written with, as the last of its metadata."""
_SEAL = re.compile(rb"partbench-crc32:([0-9a-f]{8});")


def sealed(content: bytes) -> bytes:
    """A file that was written with :data:`BLANK`, with its checksum there."""
    start = content.rindex(BLANK)
    return content[:start] + b"partbench-crc32:%08x;" % zlib.crc32(content) + content[start + len(BLANK):]


def holds(content: bytes) -> bool | None:
    """Whether the file is as it was written; None where it has no seal."""
    found = None
    start = content.rfind(BLANK[:-9])
    if start >= 0:
        found = _SEAL.match(content, start)
    if found is None:
        return None
    view = memoryview(content)
    checksum = zlib.crc32(view[found.end():], zlib.crc32(BLANK, zlib.crc32(view[:start])))
    return checksum == int(found[1], 16)
