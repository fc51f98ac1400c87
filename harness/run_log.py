"""The run's own log file, runs/<run_id>/log.txt."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError

log = logging.getLogger("partbench")


@contextmanager
def run_log(file: Path) -> Iterator[None]:
    """The run's own log file, for the time of the run."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}; choose another --out") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    started = time.monotonic()
    try:
        yield
    finally:
        log.info("%.0f s in this attempt", time.monotonic() - started)
        log.removeHandler(handler)
        handler.close()
