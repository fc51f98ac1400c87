"""What the page about one image shows, as plain arrays and words: nothing here knows a model.

Pictures are uint8 [3, S, S]; maps and backgrounds are float [h, w].
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Patch:
    """Where a part is strong on a training image.

    Attributes:
        grid: (h, w) of the map that has its peak in cell (``row``, ``col``).
        strength: of the map there; None for a push's source that is not among the strongest.
        pushed: the part was made of this patch.
    """

    picture: np.ndarray
    row: int
    col: int
    grid: tuple[int, int]
    image_id: str
    class_name: str
    strength: float | None
    pushed: bool = False


@dataclass(frozen=True, eq=False)
class Part:
    """One part on the image.

    Attributes:
        position: among the maps of its set, from 0; its colour follows from it.
        name: what is written on it.
        peak: (row, col) of its strongest cell.
        score: what it adds to the logit, up to a constant per image; None where the logit is no sum over parts.
        shares: how much of it belongs to each final part, by position; empty without a hierarchy.
        nearest: its strongest patches of the training images; empty where they are not known.
    """

    position: int
    name: str
    map: np.ndarray
    peak: tuple[int, int]
    score: float | None = None
    shares: tuple[float, ...] = ()
    nearest: tuple[Patch, ...] = ()


@dataclass(frozen=True, eq=False)
class PartSet:
    """The parts of one level, the most important first.

    Attributes:
        title: of the level, and of the class where parts belong to one.
        of_class: the class that the parts belong to; empty: all classes share them.
        ordered: what put the parts in this order.
        background: given, maps and background are probabilities.
    """

    title: str
    parts: tuple[Part, ...]
    ordered: str
    background: np.ndarray | None = None
    of_class: str = ""

    def by_position(self) -> list[Part]:
        return sorted(self.parts, key=lambda part: part.position)


@dataclass(frozen=True, eq=False)
class Evidence:
    """For one class.

    Attributes:
        role: why it is shown: ``predicted``, ``runner-up``, ``true class`` or ``asked for``.
        scores: what each shared part adds to this class's logit, by position; None where that is not known.
    """

    class_name: str
    probability: float
    role: str
    saliency: np.ndarray
    scores: tuple[float, ...] | None = None


@dataclass(frozen=True, eq=False)
class ExplainedImage:
    """Everything the page shows.

    Attributes:
        name: of the image.
        method: as users type it.
        maps: one sentence: what the part maps of this method are.
        top: the likeliest classes with their probabilities, likeliest first.
        truth: the image's class, where it is known.
        evidence: the predicted class first.
        levels: the primary set first; where parts belong to classes, a set for every class shown.
        hierarchy: finer sets, finest first, whose parts have shares in those of the primary set.
        without_nearest: why no nearest patches are shown; empty where they are.
        own_class: nearest patches were searched on images of the part's own class.
        facts: of the run, as words.
        settings: of the method.
        notes: what a reader has to know before anything else.
        redistributable: training pictures may be copied into a published page.
    """

    name: str
    picture: np.ndarray
    method: str
    title: str
    maps: str
    paper: str | None
    top: tuple[tuple[str, float], ...]
    truth: str | None
    evidence: tuple[Evidence, ...]
    levels: tuple[PartSet, ...]
    hierarchy: tuple[PartSet, ...]
    without_nearest: str
    own_class: bool
    facts: Mapping[str, str]
    settings: Mapping[str, object]
    notes: tuple[str, ...] = ()
    redistributable: bool = False
