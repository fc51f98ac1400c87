"""Which part a map set assigns to the pixel under a keypoint."""

import torch
from torch import Tensor


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
        to the lowest id.

    Raises:
        ValueError: shapes that do not belong together.
    """
    if (part_maps.ndim != 4 or keypoints.shape != (len(part_maps), *visible.shape[1:], 2)
            or visible.shape != keypoints.shape[:2]):
        raise ValueError("part_maps [N,K,h,w], keypoints [N,P,2] and visible [N,P] do not belong together: "
                         f"{list(part_maps.shape)}, {list(keypoints.shape)}, {list(visible.shape)}")
    maps = part_maps.float()
    if background is not None:
        maps = torch.cat([maps, background.float()[:, None]], 1)
    scored = visible.bool() & ((keypoints >= 0) & (keypoints < image_size)).all(-1)
    pixel = torch.where(scored[..., None], keypoints, 0).floor().long()
    return torch.where(scored, _bilinear(maps, pixel, image_size).argmax(1), -1)


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
