"""Which of a method's map sets a search goes by."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas


def at_one_level(rows: "pandas.DataFrame") -> "pandas.DataFrame":
    """One row for each run and metric: of the level ``final`` where there is one, else of the first by name."""
    ordered = rows.assign(other=rows["level"] != "final").sort_values(["run_id", "metric", "other", "level"])
    return ordered.drop_duplicates(["run_id", "metric"]).drop(columns="other")
