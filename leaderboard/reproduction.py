"""Published numbers beside ours: reproduced, off, not comparable, or not run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..datasets import registry as datasets
from ..methods.catalogue import registry as methods
from ..metrics import registry as metrics
from .board import Board, Line, Score
from .published import Published, published_numbers
from .setups import Setup, differences, doubts, setups

if TYPE_CHECKING:
    import pandas

Outcome = Literal["reproduced", "off", "not comparable", "not run"]


@dataclass(frozen=True)
class Ours:
    """The score that stands beside a published one."""

    board: Board
    line: Line
    score: Score


@dataclass(frozen=True)
class Reproduction:
    """A published number and what became of it here.

    Attributes:
        ours: None where it was not run.
        outcome: ``reproduced``: our 95 % interval holds a value that rounds to the published one, in the same set-up;
            ``off``: it does not; ``not comparable``: another set-up.
        reasons: what makes it not comparable, or why it was not run.
        doubts: what is not known, or differs in the recipe alone; they do not change the outcome.
    """

    published: Published
    ours: Ours | None
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def difference(self) -> float | None:
        """Ours minus the published value, a fraction; None where there is none, or the set-ups differ."""
        if self.ours is None or self.outcome == "not comparable":
            return None
        return self.ours.score.value - self.published.fraction


def reproductions(boards: Sequence[Board], frame: "pandas.DataFrame",
                  ledger: Sequence[Published] | None = None) -> list[Reproduction]:
    """Every published number beside our nearest set-up, in the order of the ledger.

    The nearest set-up differs in the fewest ways; of several a plain method before its variants, then the one with the
    most seeds, then the first on the boards. How near its score comes has no say.

    Args:
        boards: of ``frame``.
        frame: the leaderboard.
        ledger: the one that comes with partbench, by default.
    """
    ledger = published_numbers() if ledger is None else ledger
    lines: dict[tuple[str, str], list[tuple[Board, Line]]] = {}
    for board in boards:
        for line in board.lines:
            lines.setdefault((line.name.partition("@")[0], board.dataset), []).append((board, line))
    known = setups(frame[frame["method"].isin({entry.method for entry in ledger})])
    return [_beside(entry, lines.get((entry.method, entry.dataset), []), known) for entry in ledger]


def _beside(entry: Published, lines: Sequence[tuple[Board, Line]],
            known: Mapping[tuple[str, str, str], Setup]) -> Reproduction:
    if reason := _outside(entry):
        return Reproduction(entry, None, "not run", (reason,))
    nearest = None
    for board, line in lines:
        score = line.scores.get(entry.metric)
        setup = known.get((line.run_ids[0], board.protocol_id, board.split))
        if score is None or score.value is None or setup is None or not _level(entry, board, line):
            continue
        found = differences(entry, board, line, setup)
        distance = len(found), "@" in line.name and line.name != entry.name, -score.seeds
        if nearest is None or distance < nearest[0]:
            nearest = distance, Ours(board, line, score), found, setup
    if nearest is None:
        return Reproduction(entry, None, "not run", ("no run here",))
    _, ours, found, setup = nearest
    left = tuple(doubts(entry, ours.board, ours.line, setup))
    if found:
        return Reproduction(entry, ours, "not comparable", tuple(found), left)
    return Reproduction(entry, ours, "reproduced" if _holds(ours.score, entry) else "off", (), left)


def _outside(entry: Published) -> str:
    """Why no run can stand beside it."""
    if entry.metric not in metrics.cards or entry.fraction is None:
        return "partbench does not measure it"
    if entry.method not in methods.cards:
        return "partbench does not have the method"
    if entry.dataset not in datasets.cards:
        return "partbench does not have the data set"
    return ""


def _level(entry: Published, board: Board, line: Line) -> bool:
    """Published part scores of IVPT are those of its public level; everything else is a method's final one."""
    levels = {other.level for other in board.lines if other.group == line.group and entry.metric in other.scores}
    wanted = "public" if entry.protocol == "ivpt" and "public" in levels else "final"
    return line.level == wanted or len(levels) == 1


def _holds(score: Score, entry: Published) -> bool:
    low, high = (score.value if end is None else end for end in (score.low, score.high))
    near = entry.rounding * (1 + 1e-9)  # a value on the edge rounds either way
    return low - near <= entry.fraction <= high + near
