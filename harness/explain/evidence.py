"""What the page about one image shows: the method asked for its answer, its evidence and its parts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ...datasets import view
from ...errors import UserError
from ...leaderboard.explained_image import Evidence, ExplainedImage, Part, PartSet, Patch
from ...methods import Batch, Explanation, Level, Method
from .nearest import Nearest, Peak, peak_cells
from .photograph import Photograph
from .subject import Subject

_TOP = 5


def asked_classes(text: str, classes: Sequence[str]) -> list[int]:
    """``"NAME,NAME"`` as labels; capitals, spaces for underscores, and a number in front do not matter.

    Raises:
        UserError: a name that no class has; names the nearest ones.
    """
    labels = {_plain(name): label for label, name in enumerate(classes)}
    labels = {re.sub(r"^\d+\.", "", name): label for name, label in labels.items()} | labels
    names = [text] if _plain(text) in labels else filter(str.strip, text.split(","))
    found = []
    for name in map(_plain, names):
        if name not in labels:
            near = [classes[labels[match]] for match in get_close_matches(name, labels, 3, 0.3)]
            raise UserError(f"unknown class '{name}'; nearest: {', '.join(near) or ', '.join(classes[:3])}")
        found.append(labels[name])
    return found


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).casefold()


def explained_image(subject: Subject, shown: Photograph, asked: Sequence[int], nearest: Nearest,
                    without_nearest: str = "") -> ExplainedImage:
    """Ask the method everything that the page shows.

    Args:
        asked: labels of the classes whose evidence stands beside the prediction's; none: the runner-up, and the true
            class where the prediction is wrong.
        nearest: strongest training patches of the parts; empty where they are not known.
        without_nearest: why not.

    Raises:
        UserError: a training picture is missing or damaged.
    """
    look = _Look(subject, shown, asked, _Pictures(subject), nearest)
    card, spec = subject.method.card, subject.spec
    return ExplainedImage(
        name=shown.name, picture=shown.image.numpy(), method=spec.name, title=card.title, maps=card.maps,
        paper=card.paper, top=look.top(), truth=None if shown.label is None else _name(subject, shown.label),
        evidence=tuple(look.evidence()), levels=tuple(look.levels()), hierarchy=tuple(look.hierarchy()),
        without_nearest=without_nearest, own_class=card.class_specific, facts=_facts(subject, shown),
        settings=spec.settings, notes=tuple(_notes(subject, shown)),
        redistributable=subject.data is not None and subject.data.redistributable)


@dataclass(frozen=True)
class _Look:
    """The method's answers about one image, each asked for once."""

    subject: Subject
    shown: Photograph
    asked: Sequence[int]
    pictures: "_Pictures"
    nearest: Nearest

    @cached_property
    def batch(self) -> Batch:
        return Batch(images=self.subject.normalise(self.shown.image[None]), ids=(self.shown.name,))

    @cached_property
    @torch.no_grad()
    def probabilities(self) -> Tensor:
        return self.subject.method(self.batch)[0].float().softmax(0).cpu()

    @cached_property
    def targets(self) -> dict[int, str]:
        """Classes whose evidence is shown, the predicted one first, and why each is."""
        likeliest = self.probabilities.argsort(descending=True, stable=True).tolist()
        others = dict.fromkeys(self.asked, "asked for")
        if not self.asked:
            others = dict.fromkeys(likeliest[1:2], "runner-up")
            if self.shown.label is not None:
                others.setdefault(self.shown.label, "true class")
        return {likeliest[0]: "predicted"} | {label: role for label, role in others.items() if label != likeliest[0]}

    @cached_property
    @torch.no_grad()
    def explanations(self) -> dict[int, Explanation]:
        return {label: self.subject.method.explain(self.batch, self._target(label)) for label in self.targets}

    def _target(self, label: int) -> Tensor:
        return torch.tensor([label], device=self.batch.device)

    def top(self) -> tuple[tuple[str, float], ...]:
        likeliest = self.probabilities.argsort(descending=True, stable=True)[:_TOP].tolist()
        return tuple((_name(self.subject, label), self.probabilities[label].item()) for label in likeliest)

    def evidence(self) -> Iterator[Evidence]:
        shared = not self.subject.method.card.class_specific
        for label, role in self.targets.items():
            found = self.explanations[label]
            scores = None if found.part_scores is None or not shared else tuple(found.part_scores[0].tolist())
            yield Evidence(_name(self.subject, label), self.probabilities[label].item(), role,
                           _array(found.saliency[0]), scores)

    def levels(self) -> Iterator[PartSet]:
        """Every level; where parts belong to classes, for every class shown."""
        class_specific = self.subject.method.card.class_specific
        for label in self.targets if class_specific else list(self.targets)[:1]:
            for level, maps in self.explanations[label].all_levels().items():
                of_class = _name(self.subject, label) if class_specific else ""
                yield replace(self._set(level, maps, label), of_class=of_class)

    @torch.no_grad()
    def hierarchy(self) -> Iterator[PartSet]:
        for level, maps in self.subject.method.hierarchy(self.batch).items():
            if maps.shares is not None:
                yield self._set(level, maps)

    def _set(self, level: str, maps: Level, label: int | None = None) -> PartSet:
        """The parts of a level, those that explain ``label`` in the method's own order."""
        final = label if level == "final" else None
        scores = None if final is None else self.explanations[final].part_scores
        order, ordered = self._order(maps, scores, final)
        peaks = peak_cells(maps.part_maps.float())[0].tolist()
        parts = [self._part(level, maps, position, peaks[position],
                            None if scores is None else scores[0, position].item()) for position in order.tolist()]
        background = None if maps.background is None else _array(maps.background[0])
        return PartSet(level, tuple(parts), ordered, background)

    @torch.no_grad()
    def _order(self, maps: Level, scores: Tensor | None, final: int | None) -> tuple[Tensor, str]:
        """Parts [K] by importance, for the class ``final`` where they explain one, and what that goes by."""
        if final is None:
            return maps.part_maps[0].amax((1, 2)).argsort(descending=True), "the peaks of their maps"
        method = self.subject.method
        order = method.part_order(self.batch, self._target(final))[0]
        if type(method).part_order is not Method.part_order:
            return order, "importance for the class, as the method ranks its parts"
        return order, "the peaks of their maps" if scores is None else "what they add to the class's logit"

    def _part(self, level: str, maps: Level, position: int, cell: int, score: float | None) -> Part:
        part_id, surface = int(maps.part_ids[0, position]), _array(maps.part_maps[0, position])
        name = str(position + 1) if self.subject.method.card.class_specific else str(part_id)
        shares = () if maps.shares is None else tuple(maps.shares[0, position].tolist())
        known = self.nearest.get((level, part_id), [])
        return Part(position, name, surface, divmod(cell, surface.shape[1]), score, shares,
                    tuple(self.pictures.patches(known, surface.shape, part_id)))


class _Pictures:
    """Training pictures as the model saw them, each read once."""

    def __init__(self, subject: Subject):
        self.subject = subject
        self.split = None if subject.data is None else subject.data[subject.spec.fit_on]
        self.index = {} if self.split is None else {name: i for i, name in enumerate(self.split.ids)}
        self.as_seen = view("full", subject.spec.image_size)
        self.read: dict[str, tuple[np.ndarray, str]] = {}

    def patches(self, known: Sequence[Peak], grid: tuple[int, int], part_id: int) -> Iterator[Patch]:
        """The strongest patches of a part, and before them the one that it was made of."""
        source = self._source(part_id, grid[1]) if known else None
        if source is not None and source not in [peak[1:] for peak in known]:
            yield self._patch(*source, grid, None, True)
        for strength, *where in known:
            yield self._patch(*where, grid, strength, tuple(where) == source)

    def _source(self, part_id: int, width: int) -> tuple[str, int, int] | None:
        """The training patch (image, row, column) that the part is, where the method puts parts onto patches."""
        images = getattr(self.subject.method, "source_image", None)
        if images is None or images[part_id] < 0:
            return None
        return self.split.ids[images[part_id]], *divmod(int(self.subject.method.source_cell[part_id]), width)

    def _patch(self, image_id: str, row: int, col: int, grid: tuple[int, int], strength: float | None,
               pushed: bool) -> Patch:
        if image_id not in self.read:
            sample = self.as_seen(self.split.read(self.index[image_id], masks=False))
            self.read[image_id] = sample.image.numpy(), _name(self.subject, sample.label)
        picture, class_name = self.read[image_id]
        return Patch(picture, row, col, tuple(grid), image_id, class_name, strength, pushed)


def _array(surface: Tensor) -> np.ndarray:
    return surface.float().cpu().numpy()


def _name(subject: Subject, label: int) -> str:
    return subject.classes[label].replace("_", " ")


def _notes(subject: Subject, shown: Photograph) -> Iterator[str]:
    spec = subject.spec
    if subject.epochs < spec.epochs:
        yield f"Training is not finished: this is the method after {subject.epochs} of {spec.epochs} epochs."
    if shown.split in spec.fit_on.split("+"):
        yield "The method was trained on this image."
    if subject.data is None:
        yield f"The run's data cannot be read: {subject.without_data}"


def _facts(subject: Subject, shown: Photograph) -> Mapping[str, str]:
    spec = subject.spec
    where = f"{spec.dataset}, {shown.split}" if shown.split else f"a photograph that is not of {spec.dataset}"
    return {"run": subject.folder.name, "image": f"{shown.name} ({where})", "trained on": f"{spec.dataset}, "
            f"{spec.fit_on}", "backbone": f"{spec.backbone}, {spec.image_size} pixels", "seed": str(spec.seed),
            "epochs": f"{subject.epochs}"}
