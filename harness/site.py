"""All pages of a folder of results: those of its searches, and the report."""

from pathlib import Path

from ..leaderboard import build_report
from .tune.pages import write_pages


def build(out: str) -> tuple[Path | str, list[str]]:
    """Draw every page again; returns the path of the first one, and a line for each search that could not be drawn.

    Raises:
        UserError: there are no results, or the pages cannot be written.
    """
    problems = write_pages(out)  # first: the report links to them
    return build_report(out), problems
