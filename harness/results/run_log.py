"""The run's own log file, runs/<run_id>/log.txt."""

import faulthandler
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import UserError

log = logging.getLogger("partbench")


class _LogFile(logging.FileHandler):
    """A full disk ends a run where its results are written, with a line; the log has no traceback for it."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


@contextmanager
def run_log(file: Path) -> Iterator[None]:
    """The run's own log file, for the time of the run."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(file, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}; choose another --out") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    started = time.monotonic()
    faulthandler.enable(handler.stream)  # a crash outside Python leaves at least where it was
    try:
        yield
    finally:
        faulthandler.disable()
        log.info("%.0f s in this attempt", time.monotonic() - started)
        log.removeHandler(handler)
        handler.close()
