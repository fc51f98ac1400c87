"""What prototypes that are compared with every patch have in common, ProtoPNet's and those after it.

Prototypes stand in order of their class, m for each: prototype ``class * m + k``. "Distance" is whatever is small
where a patch and a prototype are alike.
"""

import torch
from torch import Tensor, nn

from .prototypes import full_precision, squared_distances

_MOST_VALUES = 2**24  # distances held at once when the nearest patches are searched: 64 MB


def pointwise(inputs: int, outputs: int) -> nn.Conv2d:
    """A 1x1 convolution of an add-on layer: Kaiming normal by fan-out, no bias at first."""
    convolution = nn.Conv2d(inputs, outputs, 1)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    nn.init.zeros_(convolution.bias)
    return convolution


def part_ids(classes: Tensor, per_class: int) -> Tensor:
    """The prototypes of given classes [B], long [B, m]."""
    return classes[:, None] * per_class + torch.arange(per_class, device=classes.device)


def nearest_patches(features: Tensor, prototypes: Tensor) -> tuple[Tensor, Tensor]:
    """Each image's nearest patch to every prototype.

    Gradients are those of a minimum over patches, and no map of all distances is kept for them.

    Args:
        features: [B, D, h, w].
        prototypes: [K, D], or [B, K, D]: others on each image.

    Returns:
        Squared distances, fp32 [B, K], exactly 0 where patch and prototype are equal; and the patches' positions in
        raster order, long [B, K].
    """
    with full_precision(features):
        features, prototypes = features.float(), prototypes.float()
        cells = _nearest_cells(features.detach(), prototypes.detach())
        patches = features.flatten(2).transpose(1, 2)
        nearest = patches.gather(1, cells[..., None].expand(-1, -1, patches.shape[2]))
        return (nearest - prototypes).square().sum(2), cells


def _nearest_cells(features: Tensor, prototypes: Tensor) -> Tensor:
    images = max(1, _MOST_VALUES // (prototypes.shape[-2] * features[0, 0].numel()))
    per_image = prototypes.expand(len(features), -1, -1)
    return torch.cat([squared_distances(some, theirs).flatten(2).argmin(2)
                      for some, theirs in zip(features.split(images), per_image.split(images), strict=True)])


def own_and_other(distances: Tensor, labels: Tensor, per_class: int) -> tuple[Tensor, Tensor]:
    """Each image's smallest distance to a prototype of its class, and to one of another class.

    Args:
        distances: [B, C * m], each image's nearest patch.
        labels: long [B].
        per_class: m.

    Returns:
        Two tensors [B].
    """
    nearest = distances.unflatten(1, (-1, per_class)).amin(2)
    own = torch.arange(nearest.shape[1], device=labels.device) == labels[:, None]
    return nearest.masked_fill(~own, torch.inf).amin(1), nearest.masked_fill(own, torch.inf).amin(1)


class NearestImages:
    """The training patch nearest to each prototype, among the images of the prototype's class.

    Attributes:
        distance: [C * m], infinite where the class has shown no image.
        image: long [C * m], number of the image in the order in which they were added; -1 for none.
        cell: long [C * m], the patch in raster order; -1 for none.
        patch: [C * m, D], its feature.
    """

    def __init__(self, prototypes: Tensor, classes: int):
        count = len(prototypes)
        self._per_class = count // classes
        self._images = 0
        self.distance = torch.full((count,), torch.inf, device=prototypes.device)
        self.image = torch.full((count,), -1, device=prototypes.device)
        self.cell = self.image.clone()
        self.patch = torch.zeros_like(prototypes)

    def add(self, features: Tensor, distances: Tensor, cells: Tensor, labels: Tensor) -> None:
        """Images [B, D, h, w] with their own class's prototypes: the nearest patches' distances and cells [B, m].

        One image after the other, and only a strictly smaller distance wins: batches make no difference.
        """
        for number, label in enumerate(labels.tolist()):
            rows = slice(label * self._per_class, (label + 1) * self._per_class)
            better = distances[number] < self.distance[rows]
            patches = features[number].flatten(1).T[cells[number]]
            self.distance[rows] = torch.where(better, distances[number], self.distance[rows])
            self.image[rows] = self.image[rows].masked_fill(better, self._images + number)
            self.cell[rows] = torch.where(better, cells[number], self.cell[rows])
            self.patch[rows] = torch.where(better[:, None], patches, self.patch[rows])
        self._images += len(labels)


def percentile_box(surface: Tensor, percentile: float = 95) -> tuple[int, int, int, int]:
    """The rectangle around all values of a map [H, W] at or above a percentile, as ProtoPNet draws it.

    Returns:
        (top, bottom, left, right), bottom and right being the first row and column outside.
    """
    high = surface >= surface.float().quantile(percentile / 100)
    rows, columns = (high.any(axis).nonzero() for axis in (1, 0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
