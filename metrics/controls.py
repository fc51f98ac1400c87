"""Explanations that know nothing of what they explain: what a score is worth without any merit.

Each asks one question of a metric. A method whose score does not exceed a control's has not answered it.
"""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, pad

_IMAGES = 256  # of a class, counted at once: bounds memory
_LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601


def random_peaks(n: int, k: int, seed: int, image_size: int = 224) -> Tensor:
    """Uniform peaks, long [n, k, 2], (x, y) in 0 .. image_size - 1: what chance scores."""
    return torch.randint(image_size, (n, k, 2), generator=torch.Generator().manual_seed(seed))


def centre_peak(image_size: int = 224) -> tuple[int, int]:
    """The canvas's middle, (x, y): what the photographer's framing scores."""
    return image_size // 2, image_size // 2


def constant_peak_scores(keypoints: Tensor, visible: Tensor, labels: Tensor, half_size: int = 36, image_size: int = 224,
                         threshold: float = 0.8, min_visible: int = 1) -> Tensor:
    """Consistency of every explanation that marks one and the same place on all images.

    It shows how much of a score the alignment of the images gives away: where a place scores high, a map that never
    looks at the image can score as high.

    Args:
        keypoints: [N, P, 2], (x, y) on the canvas; truncated toward zero.
        visible: bool [N, P].
        labels: long [N].
        half_size, image_size: of :func:`part_hits`.
        threshold, min_visible: of :func:`consistency`.

    Returns:
        float64 [image_size, image_size]: at [y, x] the :func:`consistency`, a fraction, of the peak (x, y).

    Raises:
        ValueError: no image, no part, or shapes that do not belong together.
    """
    if keypoints.ndim != 3 or keypoints.shape[2] != 2 or visible.shape != keypoints.shape[:2] or (
            labels.shape != keypoints.shape[:1]):
        raise ValueError("keypoints [N,P,2], visible [N,P] and labels [N] do not belong together: "
                         f"{list(keypoints.shape)}, {list(visible.shape)}, {list(labels.shape)}")
    if not visible.numel():
        raise ValueError(f"constant peaks need at least one image and one part, visible is {list(visible.shape)}")
    points, visible = keypoints.trunc(), visible.bool()
    # Keypoints off the canvas are in no region, but count as shown.
    inside = visible & ((points >= 0) & (points <= image_size)).all(-1)
    consistent = torch.zeros(image_size, image_size, dtype=torch.float64, device=labels.device)
    classes = labels.unique()
    for label in classes:
        of = labels == label
        enough = _enough(visible[of].sum(0), threshold, min_visible)
        consistent += (_coverage(points[of], inside[of], half_size, image_size) >= enough[:, None, None]).any(0)
    return consistent / len(classes)


def best_constant_peak(keypoints: Tensor, visible: Tensor, labels: Tensor, half_size: int = 36, image_size: int = 224,
                       threshold: float = 0.8, min_visible: int = 1) -> tuple[tuple[int, int], float]:
    """The place whose consistency is highest when every image peaks there: what a learnt spatial bias can score.

    Fit it on training images and score it on test images like any other explanation. Arguments and errors are those
    of :func:`constant_peak_scores`.

    Returns:
        ((x, y), consistency on these images); ties go to the first in raster order.
    """
    scores = constant_peak_scores(keypoints, visible, labels, half_size, image_size, threshold, min_visible)
    best = int(scores.flatten().argmax())
    return (best % image_size, best // image_size), scores.max().item()


def centre_gaussian(height: int, width: int) -> Tensor:
    """A bump in the middle, as part map or saliency: what a map scores that only knows where objects usually are.

    The Gaussian's standard deviation is a quarter of the side on each axis.

    Returns:
        float32 [height, width], its values in (0, 1].

    Raises:
        ValueError: a side below 1.
    """
    if min(height, width) < 1:
        raise ValueError(f"a map has at least one row and one column, got {height} x {width}")
    # From the middle of the map to the middle of each cell, in standard deviations.
    y, x = ((torch.arange(side) - (side - 1) / 2) / (side / 4) for side in (height, width))
    return torch.exp(-(y[:, None] ** 2 + x**2) / 2)


def edge_maps(images: Tensor, grid: tuple[int, int]) -> Tensor:
    """Strength of edges, as part map or saliency: what a map scores that sees the image and not what is learnt.

    It is the same for every class and every model, so a metric that ranks it near a method does not test the method
    (Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018). Sobel's gradient of the luminance, its magnitude
    averaged over the cells of the grid; borders repeat, so that the picture's frame is no edge.

    Args:
        images: [B, 3, H, W], RGB on any scale.
        grid: (h, w).

    Returns:
        [B, h, w], not negative; float64 for float64 images, else float32.

    Raises:
        ValueError: not [B, 3, H, W], or an empty image or grid.
    """
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape[2:] or min(grid) < 1:
        raise ValueError(f"images [B,3,H,W] and grid (h, w) must not be empty: {list(images.shape)}, {tuple(grid)}")
    images = images if images.dtype == torch.float64 else images.float()
    red, green, blue = (weight * channel for weight, channel in zip(_LUMINANCE, images.unbind(1), strict=True))
    framed = pad((red + green + blue)[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    rows = framed[:, :-2] + 2 * framed[:, 1:-1] + framed[:, 2:]
    columns = framed[:, :, :-2] + 2 * framed[:, :, 1:-1] + framed[:, :, 2:]
    strength = torch.hypot(rows[:, :, 2:] - rows[:, :, :-2], columns[:, 2:] - columns[:, :-2])
    return adaptive_avg_pool2d(strength, tuple(grid))


def _enough(shown: Tensor, threshold: float, min_visible: int) -> Tensor:
    """Fewest hits that make each part consistent, given the images that show it [P]; infinite where none do."""
    hits = torch.arange(int(shown.max()) + 1, device=shown.device).double()
    # By trying every count: consistency divides and compares, and its rounding decides at the threshold.
    too_few = (hits / shown.clamp(min=1)[:, None] < threshold).sum(1)
    return torch.where((shown >= min_visible) & (too_few < len(hits)), too_few, torch.inf)


def _coverage(points: Tensor, inside: Tensor, half_size: int, image_size: int) -> Tensor:
    """For each part and position, keypoints that a peak there would hit: counts [P, image_size, image_size].

    A keypoint is hit from every peak within half_size on both axes, so its square is a row of the canvas times a
    column, and the sum over images is a matrix product.
    """
    place = torch.arange(image_size, device=points.device)
    counts = torch.zeros(points.shape[1], image_size, image_size, device=points.device)
    for some, counted in zip(points.split(_IMAGES), inside.split(_IMAGES), strict=True):
        x, y = (((axis[..., None] - place).abs() <= half_size) & counted[..., None] for axis in some.unbind(-1))
        counts += torch.einsum("npy,npx->pyx", y.float(), x.float())
    return counts
