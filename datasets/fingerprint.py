"""The identity of data on disk: annotations by content, pictures by path and size."""

from collections.abc import Iterable
from hashlib import sha256


def fingerprint_of(annotations: Iterable[tuple[str, bytes]], images: Iterable[tuple[str, int]]) -> str:
    """SHA-256 over annotation files and picture sizes, in hex.

    Args:
        annotations: (relative path, content) of every annotation file.
        images: (relative path, bytes) of every picture.
    """
    digest = sha256()
    for name, content in sorted(annotations):
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    for name, size in sorted(images):
        digest.update(f"{name} {size}\n".encode())
    return digest.hexdigest()
