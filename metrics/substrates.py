"""What stands where pixels were removed: a plain colour, or the blurred image.

Petsiuk et al., "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from .protocol import Protocol

IMAGENET_MEAN = (0.485, 0.456, 0.406)


def substrate(images: Tensor, mode: str, protocol: Protocol, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """The protocol's substrate of images.

    Args:
        images: [B, 3, H, W], normalised.
        mode: ``deletion`` or ``insertion``.
        protocol: says which substrate.
        mean, std: of the normalisation, per channel. One colour for every backbone, whatever it was normalised with.

    Returns:
        [B, 3, H, W], normalised.
    """
    if mode == "insertion":
        return blurred(images, protocol)
    if protocol.deletion_substrate == "zeros":
        return torch.zeros_like(images)
    colour = [(grey - centre) / spread for grey, centre, spread in zip(IMAGENET_MEAN, mean, std, strict=True)]
    return images.new_tensor(colour)[:, None, None].expand_as(images)


def blurred(images: Tensor, protocol: Protocol) -> Tensor:
    """Blurred images [B, 3, H, W]; kernel and sigma grow with the shorter side, from the protocol's at 224."""
    scale = min(images.shape[-2:]) / 224
    size = 2 * max(0, round((protocol.blur_kernel * scale - 1) / 2)) + 1
    padding = "reflect" if protocol.insertion_substrate == "blur_reflect" else "constant"
    return blur(images, size, protocol.blur_sigma * scale, padding)


def blur(images: Tensor, size: int = 11, sigma: float = 5.0, padding: str = "constant") -> Tensor:
    """Images [B, C, H, W] under RISE's kernel; ``padding`` as torch names it, ``constant`` darkens the border."""
    channels, half = images.shape[1], size // 2
    kernel = blur_profile(size, sigma).to(images)
    padded = pad(images, [half] * 4, mode=padding)
    down = conv2d(padded, kernel.view(1, 1, -1, 1).expand(channels, -1, -1, -1), groups=channels)
    return conv2d(down, kernel.view(1, 1, 1, -1).expand(channels, -1, -1, -1), groups=channels)


def blur_profile(size: int, sigma: float) -> Tensor:
    """One axis of RISE's kernel, float64 [size], sum 1.

    RISE blurs a unit impulse on a ``size`` grid with a Gaussian cut at four sigma, mirrored at the grid's edge
    (edge cell repeated). At size 11 and sigma 5 most of the Gaussian is folded back: the kernel is nearly flat.
    """
    reach = int(4 * sigma + 0.5)
    offset = torch.arange(-reach, reach + 1)
    weight = torch.exp(-0.5 * (offset.double() / sigma) ** 2)
    cells = torch.arange(size)
    seen = (cells[:, None] + offset) % (2 * size)  # the mirrored grid repeats after twice its size
    seen = torch.minimum(seen, 2 * size - 1 - seen)
    return ((seen == size // 2) * (weight / weight.sum())).sum(1)
