"""Evidence: what the model passes leave behind, image by image, and all that scoring needs.

Small beside maps and pictures, so it stays in memory and goes to disk whole; scores are a function of it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

Key = tuple[str, str]
"""(kind, level); the level is empty where the kind belongs to the image and not to a map set."""


@dataclass(frozen=True)
class Record:
    """One kind of evidence on one level.

    Attributes:
        ids: N image ids.
        labels: long [N].
        values: tensors [N, ...] by name.
    """

    ids: tuple[str, ...]
    labels: Tensor
    values: Mapping[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        return self.values[name]

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, ids: tuple[str, ...]) -> "Record":
        """The record of the images ``ids``, in that order.

        Raises:
            KeyError: an image that it does not hold.
        """
        place = {name: row for row, name in enumerate(self.ids)}
        chosen = torch.tensor([place[name] for name in ids], dtype=torch.long)
        return Record(ids, self.labels[chosen], {name: value[chosen] for name, value in self.values.items()})


@dataclass
class Evidence:
    """Records by kind and level, collected batch by batch."""

    _batches: dict[Key, list[Record]] = field(default_factory=dict)

    def add(self, kind: str, level: str, ids: tuple[str, ...], labels: Tensor, **values: Tensor) -> None:
        """Append a batch; floating point is kept as float32, as it will be on disk."""
        kept = {name: _kept(value) for name, value in values.items()}
        for name, value in kept.items():
            if len(value) != len(ids):
                raise ValueError(f"{kind} {name} has {len(value)} images, {len(ids)} ids were given")
        self._batches.setdefault((kind, level), []).append(Record(tuple(ids), labels.cpu(), kept))

    def get(self, kind: str, level: str = "") -> Record | None:
        """The whole record of a kind on a level, or None where there is none."""
        batches = self._batches.get((kind, level))
        if not batches:
            return None
        if len(batches) > 1:
            names = batches[0].values
            whole = Record(tuple(name for batch in batches for name in batch.ids),
                           torch.cat([batch.labels for batch in batches]),
                           {name: _joined([batch[name] for batch in batches]) for name in names})
            self._batches[kind, level] = [whole]
        return self._batches[kind, level][0]

    def put(self, kind: str, level: str, record: Record) -> None:
        """Set a whole record."""
        self._batches[kind, level] = [record]

    def drop(self, kinds: Collection[str]) -> None:
        """Forget these kinds on every level."""
        self._batches = {key: batches for key, batches in self._batches.items() if key[0] not in kinds}

    def keys(self) -> Iterator[Key]:
        """Every (kind, level) there is."""
        yield from self._batches

    def levels(self, kind: str) -> list[str]:
        """Levels on which there is evidence of a kind."""
        return [level for known, level in self._batches if known == kind]


def _kept(value: Tensor) -> Tensor:
    value = value.detach().cpu()
    return value.float() if value.is_floating_point() else value


def _joined(values: list[Tensor]) -> Tensor:
    """Tensors of batches one after the other; counts of pixels may differ in width and are filled up with -1."""
    width = max(value.shape[1] for value in values) if values[0].ndim > 1 else 0
    if values[0].ndim != 2 or all(value.shape[1] == width for value in values):
        return torch.cat(values)
    return torch.cat([torch.nn.functional.pad(value, (0, width - value.shape[1]), value=-1) for value in values])
