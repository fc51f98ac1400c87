"""Rows of schema version 1 beside newer ones: they do not say their precision, batch size and factor on the rates."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

UNSAID = ["precision", "batch_size", "rate_factor"]


def completed(scored: "pandas.DataFrame", experiment: Sequence[str]) -> "pandas.DataFrame":
    """Give rows that do not say them what newer rows of the same experiment say, where those agree.

    So a seed that is added to an old line joins it. Where newer rows differ, nobody can tell which of them the old ones
    repeat, and these stay on their own.

    Args:
        experiment: columns in which repetitions of an experiment agree.
    """
    unsaid = scored["precision"] == ""
    if not unsaid.any() or unsaid.all():
        return scored
    keys = [name for name in experiment if name not in UNSAID]
    said = scored.loc[~unsaid, [*keys, *UNSAID]].drop_duplicates()
    said = said[~said.duplicated(keys, keep=False)]
    found = scored.loc[unsaid, keys].merge(said, on=keys, how="left")
    scored = scored.copy()
    for name in UNSAID:
        own = scored.loc[unsaid, name]
        scored.loc[unsaid, name] = found[name].set_axis(own.index).fillna(own).astype(own.dtype)
    return scored
