"""The driver: keeps everything that can run trials busy, each search with the same share of its budget spent."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from .search import Search
from .search_plan import Task, TrialOutcome

Submit = Callable[[dict, int, str], "Future[TrialOutcome]"]
"""``submit(settings, until_epoch, split)``: train with those settings to that epoch and score on that split."""


def carry_out(searches: Sequence[tuple[Search, Submit]], at_once: int) -> Iterator[Search]:
    """Search until every budget is spent; yields a search whenever one of its trials came to an end.

    Whatever a future raises ends it, as does the caller who stops to ask for more. What is under way then is begun
    again by the same searches.

    Args:
        at_once: trials under way at a time, of all searches together.

    Raises:
        UserError: a method fails with the paper's own setting.
    """
    under_way: list[tuple[Future[TrialOutcome], Search, Task]] = []
    try:
        while True:
            while len(under_way) < at_once and (found := _next(searches)):
                search, submit, task = found
                under_way.append((submit(dict(task.settings), task.until, "val"), search, task))
            if not under_way:
                return
            wait([future for future, _, _ in under_way], return_when=FIRST_COMPLETED)
            for each in [each for each in under_way if each[0].done()]:
                under_way.remove(each)
                future, search, task = each
                search.ended(task, future.result())
                yield search
    finally:
        for future, _, _ in under_way:
            future.cancel()
        for search, _ in searches:
            search.under_way.clear()


def _next(searches: Sequence[tuple[Search, Submit]]) -> tuple[Search, Submit, Task] | None:
    """A task of the search that has spent the smallest share of its budget."""
    for search, submit in sorted(searches, key=lambda each: each[0].spent):
        if task := search.next_task():
            return search, submit, task
    return None
