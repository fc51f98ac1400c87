"""Results that take minutes and depend on files alone: kept on disk, computed again once a file has changed."""

import logging
import os
from collections.abc import Callable, Iterable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np

from ..durable import write_whole
from ..errors import UserError

log = logging.getLogger("partbench")


def key_of(name: str, paths: Iterable[Path | str], *settings: object) -> str:
    """A key that changes with the settings and with path, size or time of change of any file.

    Args:
        name: what is computed, with a version that is raised when the computation changes: ``"keypoints-1"``.

    Raises:
        UserError: a file is missing or cannot be looked at.
    """
    digest = sha256(repr(settings).encode())
    for path in paths:
        try:
            status = os.stat(path)
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}); put a fresh copy in its place") from None
        digest.update(os.fsencode(path) + f"\0{status.st_size} {status.st_mtime_ns}\n".encode())
    return f"{name} {digest.hexdigest()}"


def remembered(key: str, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What ``compute`` returned for this key, now or in an earlier run.

    Kept as ``annotations/*.npz`` under ``$PARTBENCH_CACHE``, else under ``~/.cache/partbench``; safe to delete. A
    missing or damaged file is computed anew, and a folder that cannot be written costs the time and nothing else.
    """
    file = cache_folder() / "annotations" / f"{sha256(key.encode()).hexdigest()[:40]}.npz"
    known = _stored(file, key)
    if known is not None:
        return known
    values = compute()
    content = BytesIO()
    np.savez_compressed(content, key=np.array(key), **{f"value_{name}": value for name, value in values.items()})
    try:
        write_whole(file, content.getvalue())
    except (UserError, OSError) as error:
        log.warning("annotations are not kept for the next run: %s", error)
    return values


def cache_folder() -> Path:
    """``$PARTBENCH_CACHE``, else ``~/.cache/partbench``."""
    return Path(os.path.expanduser(os.environ.get("PARTBENCH_CACHE") or "~/.cache/partbench"))


def _stored(file: Path, key: str) -> dict[str, np.ndarray] | None:
    try:
        with np.load(file, allow_pickle=False) as stored:
            if str(stored["key"]) == key:
                return {name.removeprefix("value_"): stored[name] for name in stored.files if name != "key"}
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged archive may fail anywhere in zipfile or numpy, with any error
        log.warning("%s is damaged (%s) and is computed again", file, " ".join(str(error).split()))
    return None
