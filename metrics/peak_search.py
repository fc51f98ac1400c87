"""Where a part map is strongest, on the canvas that parts are scored on.

Huang et al., "Evaluation and Improvement of Interpretability for Self-Explainable Part-Prototype Networks",
ICCV 2023: the map is enlarged bicubically and its maximum taken. Here by branch and bound: of all cells between grid
points only those few are enlarged whose upper bound reaches a pixel that is already known.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .bicubic_cells import BicubicCells, cells_of

_KEPT = 2**24  # bytes, more than what is searched at once takes
_SURFACE_PIXELS = 2**22  # enlarged at once: 16 MB
_TIE = 1e-9  # of a map's range; float64 rounding is far below
_SLACK = 1e-5  # of a map's range: what bounds in float32 may miss


@torch.no_grad()
def peaks(part_maps: Tensor, image_size: int = 224, near_constant: str = "none") -> Tensor:
    """First maximum in raster order of every map's bicubic surface (align_corners=False, no antialiasing).

    Pixels within 1e-9 of the map's range below the float64 maximum count as equal, so that neither rounding nor the
    batch decides between them. The maximum of torch's float32 surface may be another pixel, lower by its rounding.

    Args:
        part_maps: [N, K, h, w].
        image_size: side of the canvas in pixels.
        near_constant: ``none``: a map whose values span less than 1e-6 * max(1, |max|) has no peak, because rounding
            noise would place it; ``score``: its peak is the first maximum of torch's float32 surface.

    Returns:
        long [N, K, 2], (x, y) in 0 .. image_size - 1; (-1, -1) where there is no peak. A map with a value that is not
        finite never has one.

    Raises:
        ValueError: not [N, K, h, w], no pixel, or an unknown ``near_constant``.
    """
    _check(part_maps)
    if image_size < 1:
        raise ValueError(f"image_size must be at least 1, got {image_size}")
    if near_constant not in ("none", "score"):
        raise ValueError(f"near_constant must be 'none' or 'score', got {near_constant!r}")
    # Freed at once. glibc then keeps as much of what is freed later; else every step maps and zeroes its memory anew.
    torch.empty(_KEPT, dtype=torch.uint8)
    cells = cells_of(*part_maps.shape[2:], image_size, part_maps.device)
    pieces = _pieces(part_maps, cells.maps_at_once)
    position = torch.cat([_positions(maps.float(), cells, near_constant == "score") for maps in pieces])
    found = torch.stack([position % image_size, position // image_size], -1)
    return torch.where(position[:, None] < 0, -1, found).view(*part_maps.shape[:2], 2)


@torch.no_grad()
def flat_maps(part_maps: Tensor) -> Tensor:
    """Maps that are finite but have no peak, because their values span less than 1e-6 * max(1, |max|).

    Args:
        part_maps: [N, K, h, w].

    Returns:
        bool [N, K]: where :func:`peaks` finds one only with ``near_constant="score"``.

    Raises:
        ValueError: not [N, K, h, w].
    """
    _check(part_maps)
    return _flat(part_maps.amin((2, 3)).float(), part_maps.amax((2, 3)).float())


def _check(part_maps: Tensor) -> None:
    if part_maps.ndim != 4 or not part_maps.shape[2] or not part_maps.shape[3]:
        raise ValueError(f"part_maps must be [N, K, h, w], got {list(part_maps.shape)}")


def _flat(low: Tensor, high: Tensor) -> Tensor:
    """Of the lowest and highest value of each map; neither is finite where some value is not."""
    return low.isfinite() & high.isfinite() & (high - low < 1e-6 * high.abs().clamp(min=1))


def _pieces(part_maps: Tensor, at_once: int) -> Iterator[Tensor]:
    """All maps in order, [M, h, w]; those that do not lie in one row are copied, but only a few images at a time."""
    images = len(part_maps) if part_maps.is_contiguous() else at_once // max(1, part_maps.shape[1])
    for some in part_maps.split(max(1, images)):
        yield from some.flatten(0, 1).split(at_once)


def _positions(maps: Tensor, cells: BicubicCells, score_flat: bool) -> Tensor:
    """Raster positions of the peaks of maps [M, h, w], long [M]; -1 where there is none."""
    columns = maps.flatten(1).t().contiguous()  # every step of the search runs along many maps
    low, high = columns.amin(0), columns.amax(0)
    flat = _flat(low, high)
    searched = (low.isfinite() & high.isfinite() & ~flat).nonzero()[:, 0]
    position = torch.full((len(maps),), -1, device=maps.device)
    if len(searched) < len(maps):
        columns, low, high = columns[:, searched], low[searched], high[searched]
    if len(searched):
        low, high = low.double(), high.double()
        position[searched] = _search(cells.grid((columns - low).mul_(1 / (high - low))), cells)
    if score_flat and flat.any():
        position[flat] = _first_of_surface(maps[flat], cells.image_size)
    return position


def _search(grid: Tensor, cells: BicubicCells) -> Tensor:
    """Raster positions [B] of the first maximum of maps that span 0 to 1, given as :meth:`BicubicCells.grid`."""
    bounds, every = cells.bounds(grid), torch.arange(grid.shape[2], device=grid.device)
    lines = bounds.amax(1)
    y = lines.argmax(0)
    x = bounds[y, :, every].argmax(1)
    best = torch.stack([y, x, every])
    reached = _highest(grid, cells, best)
    bounds[y, x, every] = -torch.inf  # known now
    others = _reaching(bounds, lines, (reached - _SLACK).float())
    places, highest = torch.cat([best, others], 1), torch.cat([reached, _highest(grid, cells, others)])
    least = reached.scatter_reduce(0, places[2], highest, "amax") - _TIE
    return _first(grid, cells, places[:, highest >= least[places[2]]], least)


def _reaching(bounds: Tensor, lines: Tensor, least: Tensor) -> Tensor:
    """Cells [3, n] with a bound of at least ``least`` [B]; the maxima of their lines sort most out."""
    y, of = (lines >= least).nonzero().unbind(1)
    line, x = (bounds[y, :, of] >= least[of, None]).nonzero().unbind(1)
    return torch.stack([y[line], x, of[line]])


def _highest(grid: Tensor, cells: BicubicCells, places: Tensor) -> Tensor:
    """Highest pixel [n] of each of the cells [3, n], given as y, x and map."""
    return torch.cat([cells.values(grid, *some).amax(0) for some in places.split(cells.cells_at_once, 1)])


def _first(grid: Tensor, cells: BicubicCells, places: Tensor, least: Tensor) -> Tensor:
    """Of every map, the first raster position [B] in the cells [3, n] with at least the value ``least`` [B]."""
    beyond = cells.image_size**2
    first = torch.full_like(least, beyond, dtype=torch.long)
    for y, x, of in (some.unbind() for some in places.split(cells.cells_at_once, 1)):
        reaches, pixel = (cells.values(grid, y, x, of) >= least[of]).to(torch.uint8).max(0)
        position = torch.where(reaches > 0, cells.position(y, x, pixel), beyond)
        first.scatter_reduce_(0, of, position, "amin")
    return first


def _first_of_surface(maps: Tensor, image_size: int) -> Tensor:
    """First raster position [M] of the maximum of torch's float32 surface of maps [M, h, w]."""
    def first(some: Tensor) -> Tensor:
        surface = interpolate(some[:, None], size=(image_size, image_size), mode="bicubic", align_corners=False)
        return surface.flatten(1).argmax(1)

    return torch.cat([first(some) for some in maps.split(max(1, _SURFACE_PIXELS // image_size**2))])
