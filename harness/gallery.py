"""What the report draws of a run: a few test images, the same for every method, with maps and saliency."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from ..datasets import PartDataset, Sample, Split
from ..durable import write_whole
from ..methods import Explanation, Level, Method
from .seeds import derive

SIZE = 8


@dataclass
class Gallery:
    """Explanations of ``SIZE`` images, each of another class where there are enough."""

    ids: list[str]
    tensors: dict[str, Tensor] = field(default_factory=dict)
    facts: dict[str, list] = field(default_factory=dict)

    @classmethod
    def choose(cls, split: Split) -> "Gallery":
        """The same images for every run on a data set."""
        ranked = sorted(range(len(split)), key=lambda index: derive("gallery", split.ids[index]))
        first_of: dict[int, int] = {}
        for index in ranked:
            first_of.setdefault(int(split.labels[index]), index)
        firsts = list(first_of.values())
        chosen = (firsts + [index for index in ranked if index not in set(firsts)])[:SIZE]
        return cls([split.ids[index] for index in chosen])

    def fill(self, kept: list[Sample], explain: Callable[[Tensor], Explanation],
             hierarchy: Callable[[Tensor], Mapping[str, Level]], at_once: int) -> None:
        """Explain the chosen samples and store their maps as float16 at the maps' own grid.

        Args:
            explain: images uint8 [N, 3, S, S] to their explanation.
            hierarchy: the same images to :meth:`Method.hierarchy`.
            at_once: images that these are given, at most.
        """
        kept = sorted(kept, key=lambda sample: self.ids.index(sample.id))
        images = torch.stack([sample.image for sample in kept])
        found = [_maps(explain(some), hierarchy(some)) for some in images.split(at_once)]
        together = {name: torch.cat([each[name] for each in found]) for name in found[0]}
        self.facts = {
            "ids": [sample.id for sample in kept],
            "labels": [sample.label for sample in kept],
            "predicted": together.pop("predicted").tolist(),
        }
        self.tensors = {"images": images, **together}

    def write(self, folder: Path, run_id: str, name: str, method: Method, dataset: PartDataset) -> None:
        """explanations.safetensors and explanations.json in the run's folder."""
        content = save({key: value.cpu().contiguous() for key, value in self.tensors.items()})
        write_whole(folder / "explanations.safetensors", content)
        facts = {
            "run_id": run_id,
            "method": name,
            "title": method.card.title,
            "maps": method.card.maps,
            "dataset": dataset.name,
            "redistributable": dataset.redistributable,
            "classes": list(dataset.classes),
            "parts": list(dataset.parts),
            "levels": [key.partition(".")[2] for key in self.tensors if key.startswith("part_maps.")],
            "hierarchy": [key.partition(".")[2] for key in self.tensors if key.startswith("hierarchy_maps.")],
            **self.facts,
        }
        write_whole(folder / "explanations.json", json.dumps(facts).encode())


def _maps(explanation: Explanation, hierarchy: Mapping[str, Level]) -> dict[str, Tensor]:
    """What is kept of an explanation, by name."""
    found = {"predicted": explanation.logits.argmax(1), "saliency": explanation.saliency.half()}
    for level, maps in explanation.all_levels().items():
        found[f"part_maps.{level}"] = maps.part_maps.half()
        found[f"part_ids.{level}"] = maps.part_ids
        if maps.background is not None:
            found[f"background.{level}"] = maps.background.half()
    for level, maps in hierarchy.items():
        if maps.shares is not None:
            found[f"hierarchy_maps.{level}"] = maps.part_maps.half()
            found[f"hierarchy_ids.{level}"] = maps.part_ids
            found[f"hierarchy_shares.{level}"] = maps.shares.half()
    return found
