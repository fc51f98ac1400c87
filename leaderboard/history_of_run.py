"""Everything that happened to one run, in the order of its attempts: also what a later success superseded."""

import logging
from typing import TYPE_CHECKING

import pyarrow as pa

from .merge import row_table
from .names import parse
from .parquet import Unreadable
from .rows import schema, to_frame
from .store import ROWS, Store

if TYPE_CHECKING:
    import pandas

logger = logging.getLogger(__name__)


def history(store: Store, run_id: str) -> "pandas.DataFrame":
    """One row for each attempt of a run, then one for each protocol, split and sweep that it was scored under.

    Columns are those of :class:`Row`; those of single scores (``metric``, ``value``, ...) mean nothing.
    Attempts come by their number, scores by the time at which they were finished. What is torn or foreign is left out,
    with a line in the log.
    """
    tables = []
    for found in store.folder.list(ROWS):
        name = parse(found.name)
        if name is None or name.run_id != run_id:
            continue
        try:
            tables.append(row_table(store.folder, found).slice(0, 1))
        except (OSError, Unreadable) as error:
            logger.warning("skipped rows/%s: %s", found.name, error)
    frame = to_frame(pa.concat_tables([schema().empty_table(), *tables]).combine_chunks())
    frame["scored"] = frame.attempt == 0
    return frame.sort_values(["scored", "attempt", "finished_at"], ignore_index=True)
