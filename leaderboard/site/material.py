"""What the pages are drawn from, gathered once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..audit_data import AuditData, read_audits
from ..board import Board
from ..comparison import Ranking, rankings
from ..evidence import EvidenceOf
from ..files import Folder
from ..store import Store

if TYPE_CHECKING:
    import pandas

Save = Callable[[bytes, bool], str]
"""Stores a JPEG beside the pages and returns its address, relative to them. Second: whether it may be redistributed;
one that may not goes to a folder of its own, which ``publish`` leaves out."""


@dataclass
class Material:
    """Everything that pages may show.

    Attributes:
        results: the folder of results.
        report: the folder of the pages.
        frame: the leaderboard, one line per score or failure.
        boards: of the frame.
        problems: what was skipped, a line each; pages add to it.
        save: see :data:`Save`.
        private: pictures of data sets that may not be redistributed are drawn; else pages say that they are not.
    """

    results: Folder
    report: Folder
    frame: "pandas.DataFrame"
    boards: list[Board]
    problems: list[str]
    save: Save
    private: bool = True
    _rankings: dict[int, list[list[Ranking]]] = field(default_factory=dict, repr=False)

    def rankings(self, board: Board) -> list[list[Ranking]]:
        """Of one of the boards; computed once for all pages."""
        if id(board) not in self._rankings:
            self._rankings[id(board)] = rankings(board)
        return self._rankings[id(board)]

    @property
    def lines_each(self) -> int:
        """How many lines of a board the pages made from evidence show: many boards share what a page can hold."""
        return max(4, min(24, 48 // max(1, len(self.boards))))

    @cached_property
    def evidence(self) -> EvidenceOf:
        """What the runs' items hold."""
        return EvidenceOf(Store(self.results.url))

    @cached_property
    def audits(self) -> list[AuditData]:
        """Every audit of the results."""
        found, unusable = read_audits(self.results)
        self.problems += unusable
        return found
