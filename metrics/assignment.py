"""Which part a map set assigns to a pixel: to those under keypoints, or to all."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate


@torch.no_grad()
def part_assignment(part_maps: Tensor, background: Tensor | None, keypoints: Tensor, visible: Tensor,
                    image_size: int) -> Tensor:
    """Strongest map at each visible keypoint, after bilinear enlargement (align_corners=False) to the canvas.

    The value is that of the pixel that holds the keypoint: coordinates are rounded down. No other pixel is computed.

    Args:
        part_maps: [N, K, h, w].
        background: [N, h, w], takes part as map K; or None.
        keypoints: [N, P, 2], (x, y) on the canvas.
        visible: bool [N, P].
        image_size: side of the canvas in pixels.

    Returns:
        long [N, P]: 0 .. K-1; K is the background; -1 where the keypoint is not visible or not on the canvas. Ties go
        to the lowest id; a map with a value that is not finite loses to every other.

    Raises:
        ValueError: shapes that do not belong together.
    """
    if (part_maps.ndim != 4 or keypoints.shape != (len(part_maps), *visible.shape[1:], 2)
            or visible.shape != keypoints.shape[:2]):
        raise ValueError("part_maps [N,K,h,w], keypoints [N,P,2] and visible [N,P] do not belong together: "
                         f"{list(part_maps.shape)}, {list(keypoints.shape)}, {list(visible.shape)}")
    maps = _with_background(part_maps, background)
    scored = visible.bool() & ((keypoints >= 0) & (keypoints < image_size)).all(-1)
    pixel = torch.where(scored[..., None], keypoints, 0).floor().long()
    return torch.where(scored, _bilinear(maps, pixel, image_size).argmax(1), -1)


@torch.no_grad()
def pixel_assignment(part_maps: Tensor, background: Tensor | None, size: int | tuple[int, int]) -> Tensor:
    """Strongest map at every pixel, after bilinear enlargement (align_corners=False).

    Args:
        part_maps: [N, K, h, w].
        background: [N, h, w], takes part as map K; or None.
        size: pixels to enlarge to, (H, W) or the side of a square.

    Returns:
        long [N, H*W]: 0 .. K-1; K is the background. Ties go to the lowest id; a map with a value that is not finite
        loses to every other.

    Raises:
        ValueError: shapes that do not belong together.
    """
    height, width = (size, size) if isinstance(size, int) else size
    assigned = torch.empty(len(part_maps), height * width, dtype=torch.long, device=part_maps.device)
    for image, maps in enumerate(_with_background(part_maps, background)):  # one surface at a time bounds memory
        surface = interpolate(maps[None], size=(height, width), mode="bilinear", align_corners=False)
        assigned[image] = surface[0].argmax(0).flatten()
    return assigned


def pixel_parts(part_masks: Tensor) -> Tensor:
    """Annotated part of every pixel: the first mask that holds it; P, the background, where none does.

    Args:
        part_masks: bool [N, P, H, W].

    Returns:
        long [N, H*W] in 0 .. P.

    Raises:
        ValueError: not bool [N, P, H, W].
    """
    if part_masks.ndim != 4 or part_masks.dtype != torch.bool:
        raise ValueError(f"part_masks must be bool [N, P, H, W], got {part_masks.dtype} {list(part_masks.shape)}")
    parts = torch.full((len(part_masks), *part_masks.shape[2:]), part_masks.shape[1], device=part_masks.device)
    for part in reversed(range(part_masks.shape[1])):  # the first mask has the last word
        parts[part_masks[:, part]] = part
    return parts.flatten(1)


def _with_background(part_maps: Tensor, background: Tensor | None) -> Tensor:
    """Maps float [N, K or K+1, h, w] that compete for pixels.

    Raises:
        ValueError: shapes that do not belong together, or no map.
    """
    if part_maps.ndim != 4 or (background is not None
                              and background.shape != (len(part_maps), *part_maps.shape[2:])):
        raise ValueError("part_maps [N,K,h,w] and background [N,h,w] do not belong together: "
                         f"{list(part_maps.shape)}, {None if background is None else list(background.shape)}")
    maps = part_maps.float()
    if background is not None:
        maps = torch.cat([maps, background.float()[:, None]], 1)
    if not all(maps.shape[1:]):
        raise ValueError(f"an assignment needs at least one map of at least one cell, got {list(maps.shape)}")
    # Finite, so that weighted means of it are, and far below what any map holds.
    lost = torch.finfo(maps.dtype).min / 4
    return maps.where(maps.isfinite().flatten(2).all(2)[:, :, None, None], lost)


def _bilinear(maps: Tensor, pixel: Tensor, image_size: int) -> Tensor:
    """Values [N, K, P] of the enlarged maps [N, K, h, w] at pixels [N, P, 2]."""
    height, width = maps.shape[-2:]
    left, right, across = _neighbours(pixel[..., 0], width, image_size)
    above, below, down = _neighbours(pixel[..., 1], height, image_size)
    flat = maps.flatten(2)

    def cell(row: Tensor, column: Tensor) -> Tensor:
        return flat.gather(2, (row * width + column)[:, None].expand(-1, flat.shape[1], -1))

    top = (1 - across) * cell(above, left) + across * cell(above, right)
    bottom = (1 - across) * cell(below, left) + across * cell(below, right)
    return (1 - down) * top + down * bottom


def _neighbours(pixel: Tensor, cells: int, image_size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Along one axis: the two nearest cells of a pixel, and the weight [N, 1, P] of the second."""
    source = ((pixel + 0.5) * (cells / image_size) - 0.5).clamp(min=0)
    first = source.floor().long().clamp(max=cells - 1)
    return first, (first + 1).clamp(max=cells - 1), (source - first)[:, None]
