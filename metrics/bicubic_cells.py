"""The bicubic surface of part maps, one cell between four grid points at a time.

Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE Transactions on Acoustics, Speech, and Signal
Processing, 1981, with a = -0.75 as in torch and OpenCV: align_corners=False, indices beyond the border clamped to it.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

_A = -0.75
_BOUNDS = 2**19  # bounded at once, cells of all maps: 2 MB
_VALUES = 2**16  # float64 pixels evaluated at once: 512 KB


@dataclass(frozen=True)
class _Axis:
    """The canvas along one axis, sorted into the C cells that hold a pixel; Q is the most that one holds.

    Attributes:
        size: grid points.
        cells: long [C], the grid point before each cell, from -1.
        first: long [C], its first pixel.
        weights: float64 [C, 4 * Q], of the four grid points around each pixel; a cell with fewer repeats its last.
        around: long [size + 4], grid points from -2 to size + 1.
    """

    size: int
    cells: Tensor
    first: Tensor
    weights: Tensor
    around: Tensor

    @classmethod
    def of(cls, size: int, pixels: int, device: torch.device) -> "_Axis":
        source = (torch.arange(pixels, dtype=torch.float64, device=device) + 0.5) * (size / pixels) - 0.5
        cells, counts = source.floor().long().unique_consecutive(return_counts=True)
        first = counts.cumsum(0) - counts
        held = first[:, None] + torch.arange(int(counts.max()), device=device).minimum(counts[:, None] - 1)
        weights = _weights(source[held] - cells[:, None]).flatten(1)
        return cls(size, cells, first, weights, torch.arange(-2, size + 2, device=device).clamp(0, size - 1))

    @property
    def held(self) -> int:
        """Q."""
        return self.weights.shape[1] // 4

    def weights_of(self, cells: Tensor) -> Tensor:
        """[4, Q, n] of n cells."""
        return self.weights.index_select(0, cells).t().contiguous().view(4, self.held, len(cells))

    def with_pixels(self, bounds: Tensor, dim: int) -> Tensor:
        """Of all size + 1 cells along ``dim``, those that hold a pixel."""
        return bounds if len(self.cells) == self.size + 1 else bounds.index_select(dim, self.cells + 1)


def _weights(offset: Tensor) -> Tensor:
    """Of the grid points at -1, 0, 1 and 2 for a place at ``offset`` in [0, 1): [C, Q] -> [C, 4, Q]."""
    def near(x: Tensor) -> Tensor:
        return ((_A + 2) * x - (_A + 3)) * x * x + 1

    def far(x: Tensor) -> Tensor:
        return ((_A * x - 5 * _A) * x + 8 * _A) * x - 4 * _A

    return torch.stack([far(offset + 1), near(offset), near(1 - offset), far(2 - offset)], 1)


class BicubicCells:
    """The surfaces of maps of one shape on one canvas.

    Attributes:
        y, x: the canvas along either axis.
        maps_at_once, cells_at_once: how many to bound and to evaluate, for speed and bounded memory.
    """

    def __init__(self, height: int, width: int, image_size: int, device: torch.device):
        self.y, self.x = (_Axis.of(size, image_size, device) for size in (height, width))
        self.image_size = image_size
        self.maps_at_once = _whole_32(_BOUNDS // ((height + 1) * (width + 1)))
        self.cells_at_once = max(1, _VALUES // (self.y.held * self.x.held))
        self._around = (self.y.around[:, None] * width + self.x.around).flatten()
        corner = torch.arange(4, device=device)
        self._taps = (corner[:, None] * (width + 4) + corner).flatten()[:, None]

    def grid(self, maps: Tensor) -> Tensor:
        """Maps [h * w, B] with their border repeated twice on every side, [h + 4, w + 4, B]."""
        return maps.index_select(0, self._around).view(len(self.y.around), len(self.x.around), -1)

    def bounds(self, grid: Tensor) -> Tensor:
        """What a surface of values in [0, 1] does not exceed in each cell by more than 1e-5, float32 [Cy, Cx, B]."""
        # Along x the surface is a weighted mean of lines of control points, with weights that are never negative: what
        # bounds each line along y bounds the mean, so the bounds are control points themselves.
        lines = [_nine_bounds(*_control_points(line, 0), 0) for line in _control_points(grid.float(), 1)]
        return self.x.with_pixels(self.y.with_pixels(_nine_bounds(*lines, 1), 0), 1).div_(81)

    def values(self, grid: Tensor, y: Tensor, x: Tensor, of: Tensor) -> Tensor:
        """Pixels [Q * Q, n] of n cells, (y, x) of map ``of``, in raster order."""
        corner = (self.y.cells[y] + 1) * grid.shape[1] + self.x.cells[x] + 1
        taps = (self._taps + corner) * grid.shape[2] + of
        values = grid.view(-1).index_select(0, taps.flatten()).view(4, 4, 1, len(of))
        # Term by term and not as a matrix product, whose rounding depends on the number of cells.
        lines = _weighted(values, self.y.weights_of(y))
        return _weighted(lines[:, :, None], self.x.weights_of(x)).flatten(0, 1)

    def position(self, y: Tensor, x: Tensor, pixel: Tensor) -> Tensor:
        """Raster position on the canvas of the ``pixel``-th value of n cells, long [n]; none of those repeated."""
        row = pixel // self.x.held
        return (self.y.first[y] + row) * self.image_size + self.x.first[x] + pixel - row * self.x.held


@lru_cache(maxsize=16)
def cells_of(height: int, width: int, image_size: int, device: torch.device) -> BicubicCells:
    """The cells of one map shape and canvas, made once."""
    return BicubicCells(height, width, image_size, device)


def _whole_32(number: int) -> int:
    """At least 1. Reductions over maps take several times as long where their number is no multiple of 32."""
    return max(1, number - number % 32 if number > 32 else number)


def _control_points(grid: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of the cubic between two grid points, as a Bezier curve: the points themselves, and those before and after each.

    The curve's slope at a point is -a times the difference of its neighbours, and a control point stands a third along.
    """
    inner = grid.shape[dim] - 2
    points, slope = grid.narrow(dim, 1, inner), grid.narrow(dim, 2, inner) - grid.narrow(dim, 0, inner)
    after = points.add(slope, alpha=-_A / 3)
    return points, torch.sub(points, slope, alpha=-_A / 3, out=slope), after


def _nine_bounds(points: Tensor, before: Tensor, after: Tensor, dim: int) -> Tensor:
    """Nine times what no curve between neighbouring points exceeds; writes over ``before`` and ``after``.

    A Bezier curve is a weighted mean of its control points, in which neither inner one weighs more than 4/9: above its
    higher end it rises by no more than 4/9 of what each of the two stands above that.
    """
    cells = points.shape[dim] - 1
    before, after = before.narrow(dim, 1, cells), after.narrow(dim, 0, cells)
    end = torch.maximum(points.narrow(dim, 0, cells), points.narrow(dim, 1, cells))
    for inner in (before, after):
        torch.maximum(inner, end, out=inner)
    return end.add_(before.add_(after), alpha=4)


def _weighted(terms: Tensor, weights: Tensor) -> Tensor:
    total = terms[0] * weights[0]
    for term, weight in zip(terms[1:], weights[1:], strict=True):
        total.addcmul_(term, weight)
    return total
