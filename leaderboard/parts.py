"""Which annotated parts concepts mark, and on which classes: collected from items for the page and its figures."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..metrics import Protocol
from .audit_data import read_audits
from .board import Board, Line
from .class_sums import ClassSums
from .collect import boards
from .evidence import EvidenceOf, Marks
from .named import Names, names
from .part_tally import Tally, exchanged
from .store import Store, load

NamesOf = Callable[[Sequence[Line]], Names]


@dataclass(frozen=True, eq=False)
class PartView:
    """What the concepts of one line mark, by the run of its lowest seed; classes [C], concepts [K], parts [P].

    Attributes:
        line: of the leaderboard.
        run_id: whose evidence it is.
        labels: long [C], the classes, ascending.
        best: [C, P], share of a class's images showing the part on which its best concept holds it; NaN where no image
            shows it.
        held: [P], mean of ``best`` over classes.
        held_gain: [P], ``held`` minus its mean over exchanges of peaks within each class; None where classes have one
            image each.
        consistent: [P], share of classes of which some concept is consistent on the part.
        concepts: long [K], ids that mean the same in every class; empty where each class has concepts of its own.
        matrix: [K, P], share of images showing the part on which the concept holds it; NaN where none shows it.
        consistency: the leaderboard's, computed again from the same peaks.
        by_class: consistency of each label.
        gain_by_class: consistency gain of each label that has one, the mean over the line's seeds, from the sums that
            the leaderboard's tests use.
    """

    line: Line
    run_id: str
    labels: np.ndarray
    best: np.ndarray
    held: np.ndarray
    held_gain: np.ndarray | None
    consistent: np.ndarray
    concepts: np.ndarray
    matrix: np.ndarray
    consistency: float
    by_class: dict[int, float]
    gain_by_class: dict[int, float]


@dataclass(frozen=True, eq=False)
class PartsBoard:
    """The lines of a board that saw the same files, and blind controls as their floor.

    Attributes:
        parts: P names.
        left_out: names of lines with evidence that are not among ``views``: there are more than fit on a page.
    """

    board: Board
    names: Names
    parts: list[str]
    views: list[PartView]
    floor: list[PartView]
    left_out: list[Line]

    def ordered_classes(self) -> list[int]:
        """Labels, hardest first: by the mean gain over lines, then by how well their parts are held."""
        labels = sorted({int(label) for view in self.views for label in view.labels})
        return sorted(labels, key=lambda label: (self._gain(label), self._held(label), label))

    def _gain(self, label: int) -> float:
        known = [view.gain_by_class[label] for view in self.views if label in view.gain_by_class]
        return float(np.mean(known)) if known else 0.0

    def _held(self, label: int) -> float:
        rates = [view.best[view.labels == label] for view in self.views]
        known = np.concatenate([rate[np.isfinite(rate)] for rate in rates])
        return float(known.mean()) if known.size else 0.0


def part_boards(out: str | os.PathLike) -> list[PartsBoard]:
    """What concepts mark, on every board of a results folder.

    Raises:
        UserError: there are no results.
    """
    store = Store(out)
    audits, evidence = read_audits(store.folder)[0], EvidenceOf(store)
    return [found for board in boards(load(out), ClassSums(store)) for found in collect(
        board, evidence, lambda lines, board=board: names(store.folder, lines, board.dataset, audits))]


def collect(board: Board, evidence: EvidenceOf, named: NamesOf, most: int = 24) -> list[PartsBoard]:
    """One for every set of files that lines of the board saw; none where no line has evidence of parts.

    A method with several levels stands there by the first that the board has of it. Protocols that judge a concept over
    all classes at once have nothing to tell class by class.

    Args:
        named: names of classes and parts of lines that saw the same files.
        most: lines of each; the first in the board's order.
    """
    first: dict[int, Line] = {}
    for line in board.lines:
        if "consistency" in line.scores and line.scores["consistency"].value is not None:
            first.setdefault(line.group, line)
    seen: dict[str, list[Line]] = {}
    for line in first.values():
        seen.setdefault(line.dataset_fingerprint, []).append(line)
    gathered = []
    for fingerprint, lines in seen.items():
        views = [view for line in lines[:most] if (view := _view(board, line, evidence))]
        if not views:
            continue
        width = views[0].best.shape[1]
        floor = [view for line in board.controls if not line.judges and line.dataset_fingerprint == fingerprint
                 and (view := _view(board, line, evidence))]
        told = named(lines)
        gathered.append(PartsBoard(board, told, told.of_parts(width), [v for v in views if v.best.shape[1] == width],
                                   [v for v in floor if v.best.shape[1] == width], lines[most:]))
    return gathered


def _view(board: Board, line: Line, evidence: EvidenceOf) -> PartView | None:
    """The first of its runs that left evidence; None where none did."""
    for run_id in line.run_ids:
        rules, marks = evidence.ask(run_id, board.protocol_id, board.split,
                                    lambda found: (found.protocol, found.marks(line.level))) or (None, None)
        if marks is not None and rules.rule == "pair":
            return _seen(board, line, run_id, marks, rules)
    return None


def _seen(board: Board, line: Line, run_id: str, marks: Marks, rules: Protocol) -> PartView:
    tally = Tally.of(marks)
    own, *borrowed = exchanged(marks, rules) or [None]
    gain = None if own is None else (
        _held(own, rules.min_visible) - np.mean([_held(other, rules.min_visible) for other in borrowed], 0))
    shared = len(np.unique(marks.part_ids)) <= marks.part_ids.shape[1]
    concepts, matrix = tally.matrix() if shared else (np.zeros(0, np.int64), np.zeros((0, marks.hits.shape[2])))
    return PartView(line, run_id, tally.labels, tally.best(rules.min_visible), _held(tally, rules.min_visible), gain,
                    tally.by_part(rules), concepts, matrix, tally.consistency(rules),
                    dict(zip(tally.labels.tolist(), tally.by_class(rules).tolist(), strict=True)),
                    _gains(board, line))


def _held(tally: Tally, min_visible: int) -> np.ndarray:
    """[P], the mean over classes of the best concept's rate; NaN where no class shows the part."""
    best = tally.best(min_visible)
    known = np.isfinite(best)
    return np.where(known.any(0), np.nansum(best, 0) / np.maximum(known.sum(0), 1), np.nan)


def _gains(board: Board, line: Line) -> dict[int, float]:
    sums = board.class_sums(line, "consistency_gain")
    if sums is None:
        return {}
    known = (sums.denominators > 0).all(0)
    values = (sums.numerators[:, known] / sums.denominators[:, known]).mean(0)
    return dict(zip(sums.labels[known].tolist(), values.tolist(), strict=True))
