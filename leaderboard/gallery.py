"""The gallery: the same photographs for every method, and which of them are shown first. Collected for the page."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .board import Board, Line
from .evidence import EvidenceOf, Marks
from .explanations import Explained, Unusable, read
from .files import Folder
from .part_tally import Tally
from .text import printable

IMAGES = 8
BEST, MEDIAN, WORST = "best", "median", "worst"


@dataclass(frozen=True)
class Shown:
    """One method: its line, and the explanations of its lowest seed that left some."""

    line: Line
    explained: Explained

    def index(self, image: str) -> int | None:
        """Where an image stands among those it explained."""
        ids = self.explained.facts.ids
        return ids.index(image) if image in ids else None


@dataclass(frozen=True)
class Gallery:
    """Explanations of the same files by the methods of one data set and backbone, in the boards' order.

    Attributes:
        ids: image ids, best first where ``scores`` tell.
        scores: of each image, see :func:`agreement`; empty where no method has evidence of parts.
        left_out: lines beyond those that a page can hold.
    """

    dataset: str
    backbone: str
    shown: list[Shown]
    ids: list[str]
    scores: dict[str, float]
    left_out: list[Line]

    @property
    def redistributable(self) -> bool:
        """Whether every method's data set says that its pictures may be copied."""
        return all(each.explained.facts.redistributable for each in self.shown)

    def label(self, image: str) -> str:
        """The image's class, as people read it."""
        explained, i = self._first(image)
        return class_name(explained, explained.facts.labels[i])

    def photograph(self, image: str) -> np.ndarray:
        """uint8 [3, S, S], as the first method saw it."""
        explained, i = self._first(image)
        return explained.images[i]

    def ranks(self) -> dict[str, str]:
        """The best, the median and the worst image by the rule; fewer where there are fewer, or all score alike."""
        ranked = [image for image in self.ids if image in self.scores]
        if len({self.scores[image] for image in ranked}) < 2:
            return {}
        found = {ranked[0]: BEST, ranked[-1]: WORST}
        return found | ({ranked[len(ranked) // 2]: MEDIAN} if len(ranked) > 2 else {})

    def _first(self, image: str) -> tuple[Explained, int]:
        return next((each.explained, i) for each in self.shown if (i := each.index(image)) is not None)


def collect(folder: Folder, boards: Sequence[Board], evidence: EvidenceOf,
            most: int = 24) -> tuple[list[Gallery], list[str]]:
    """A gallery for every data set (by its files) and backbone, and what could not be used.

    One explained run, that of the lowest seed which left one, stands for each experiment.

    Args:
        most: methods of each gallery; the first in the boards' order.
    """
    experiments: dict[tuple[str, str, str], dict[str, tuple[Board, Line]]] = {}
    for board in boards:
        for line in board.lines:  # an experiment stands on a line per level and on a board per protocol
            place = board.dataset, board.backbone, line.dataset_fingerprint
            known = experiments.setdefault(place, {})
            if line.run_ids[0] not in known or "consistency" not in known[line.run_ids[0]][1].scores:
                known[line.run_ids[0]] = board, line
    galleries, problems = [], []
    for (dataset, backbone, _), lines in experiments.items():
        placed = list(lines.values())
        shown = [(board, Shown(line, explained)) for board, line in placed[:most]
                 if (explained := _first(folder, line, problems))]
        if shown:
            galleries.append(_gallery(dataset, backbone, shown, evidence, [line for _, line in placed[most:]]))
    return galleries, problems


def _gallery(dataset: str, backbone: str, shown: list[tuple[Board, Shown]], evidence: EvidenceOf,
             left_out: list[Line]) -> Gallery:
    """With the images most methods explained, best first."""
    methods = [each for _, each in shown]
    count: dict[str, int] = {}
    for each in methods:
        for image in dict.fromkeys(each.explained.facts.ids):
            count[image] = count.get(image, 0) + 1
    ids = sorted(count, key=lambda image: -count[image])[:IMAGES]
    found = [score for board, each in shown if (score := _agreements(board, each.line, ids, evidence))]
    scores = {image: float(np.mean(known)) for image in ids
              if (known := [score[image] for score in found if image in score])}
    return Gallery(dataset, backbone, methods, sorted(ids, key=lambda image: -scores.get(image, -1.0)), scores,
                   left_out)


def _agreements(board: Board, line: Line, ids: Sequence[str], evidence: EvidenceOf) -> dict[str, float]:
    for run_id in line.run_ids:
        marks = evidence.ask(run_id, board.protocol_id, board.split, lambda found: found.marks(line.level))
        if marks is not None:
            return agreement(marks, ids)
    return {}


def agreement(marks: Marks, ids: Sequence[str]) -> dict[str, float]:
    """How well an image fits what concepts mark elsewhere in its class.

    Each concept has a part in each class: the one it holds on the largest share of the class's images showing it. The
    score of an image is the share of its concepts whose region holds that part, among those whose part it shows.

    Returns:
        A fraction in [0, 1] for each of ``ids`` on which some concept's part is visible.
    """
    tally = Tally.of(marks)
    part_of = {(int(tally.labels[of]), int(concept)): int(part) for of, concept, part in
               zip(tally.class_index, tally.concepts, tally.rates().argmax(1), strict=True)}
    place = {name: i for i, name in enumerate(marks.ids)}
    found = {}
    for image in ids:
        if image not in place:
            continue
        i = place[image]
        parts = [part_of[int(marks.labels[i]), int(concept)] for concept in marks.part_ids[i]]
        held = [marks.hits[i, k, part] for k, part in enumerate(parts) if marks.visible[i, part]]
        if held:
            found[image] = float(np.mean(held))
    return found


def _first(folder: Folder, line: Line, problems: list[str]) -> Explained | None:
    for run_id in line.run_ids:
        try:
            explained = read(folder, run_id)
        except Unusable as error:
            problems.append(f"runs/{run_id}/explanations ({line.title}): {error}")
        else:
            if explained:
                return explained
    return None


def class_name(explained: Explained, label: int) -> str:
    """Without underscores, on one line."""
    return printable(explained.facts.classes[label].replace("_", " "), 60)


def picture_name(content: bytes) -> str:
    """A name that says the content: equal pictures are stored once, and a new page never changes an old one's."""
    return f"{hashlib.sha256(content).hexdigest()[:16]}.jpg"
