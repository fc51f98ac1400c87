"""The terms that part metrics average over: pairs of a class and a concept."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Pairs:
    """Every (class, concept) that occurs, ordered by class, then concept.

    Attributes:
        of: long [N*K], the pair of each (image, map), in the order of ``part_ids.flatten()``.
        class_index: long [G], class of each pair as its place among the sorted labels.
        concept_index: long [G], concept of each pair as its place among the sorted part ids.
        classes: number of classes.
        concepts: number of concepts.
    """

    of: Tensor
    class_index: Tensor
    concept_index: Tensor
    classes: int
    concepts: int

    @classmethod
    def among(cls, labels: Tensor, part_ids: Tensor) -> "Pairs":
        """Pairs of labels [N] and part_ids [N, K].

        Raises:
            ValueError: no image or no map, or shapes that do not belong together.
        """
        if labels.ndim != 1 or part_ids.ndim != 2 or len(labels) != len(part_ids):
            raise ValueError("labels [N] and part_ids [N,K] do not belong together: "
                             f"{list(labels.shape)}, {list(part_ids.shape)}")
        if not part_ids.numel():
            raise ValueError("part metrics need at least one image with at least one part map")
        known, label = labels.unique(return_inverse=True)
        concepts, concept = part_ids.unique(return_inverse=True)
        keys, of = (label[:, None] * len(concepts) + concept).flatten().unique(return_inverse=True)
        return cls(of, keys // len(concepts), keys % len(concepts), len(known), len(concepts))

    def total(self, values: Tensor) -> Tensor:
        """Sum over the images of each pair: values [N, K, ...] -> float64 [G, ...]."""
        flat = values.flatten(0, 1).double()
        return torch.zeros(len(self.class_index), *flat.shape[1:], dtype=flat.dtype,
                           device=flat.device).index_add_(0, self.of, flat)

    def by_class(self, values: Tensor) -> Tensor:
        """Sum over the pairs of each class: values [G] -> float64 [C]."""
        return torch.zeros(self.classes, dtype=torch.float64,
                           device=values.device).index_add_(0, self.class_index, values.double())

    def by_concept(self, values: Tensor) -> Tensor:
        """Sum over the pairs of each concept: values [G, ...] -> float64 [concepts, ...]."""
        return torch.zeros(self.concepts, *values.shape[1:], dtype=torch.float64,
                           device=values.device).index_add_(0, self.concept_index, values.double())
