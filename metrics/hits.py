"""Which annotated keypoints lie in the region around a peak."""

from torch import Tensor


def part_hits(peaks: Tensor, keypoints: Tensor, visible: Tensor, half_size: int = 36, image_size: int = 224) -> Tensor:
    """Keypoints inside the square region around each peak.

    The region is [max(0, p - half_size), min(image_size, p + half_size)] on each axis, both ends inclusive
    (Huang et al., ICCV 2023). Coordinates are integers; fractions are truncated toward zero.

    Args:
        peaks: [N, K, 2], (x, y) on the canvas; (-1, -1) is no peak and hits nothing.
        keypoints: [N, P, 2], (x, y) on the canvas.
        visible: bool [N, P].
        half_size: canvas pixels.
        image_size: side of the canvas in pixels.

    Returns:
        bool [N, K, P]; never true where the keypoint is not visible.

    Raises:
        ValueError: shapes that do not belong together.
    """
    if (peaks.ndim != 3 or keypoints.ndim != 3 or peaks.shape[2] != 2 or keypoints.shape[2] != 2
            or visible.shape != keypoints.shape[:2] or len(peaks) != len(keypoints)):
        raise ValueError("peaks [N,K,2], keypoints [N,P,2] and visible [N,P] do not belong together: "
                         f"{list(peaks.shape)}, {list(keypoints.shape)}, {list(visible.shape)}")
    centre, point = peaks.int()[:, :, None], keypoints.int()[:, None]  # int() truncates toward zero
    low, high = (centre - half_size).clamp(min=0), (centre + half_size).clamp(max=image_size)
    inside = ((point >= low) & (point <= high)).all(-1)
    return inside & (centre >= 0).all(-1) & visible.bool()[:, None]
