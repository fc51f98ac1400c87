"""The noise under which explanations should be stable (Huang et al., ICCV 2023, section 3.2)."""

from collections.abc import Sequence
from hashlib import sha256

import torch
from torch import Tensor

from .protocol import Protocol


def noisy(images: Tensor, ids: Sequence[str], draw: int, protocol: Protocol) -> Tensor:
    """Images plus clipped Gaussian noise, which depends on the image and the draw but not on the batch.

    Args:
        images: [N, 3, H, W], already normalised: the noise is defined there.
        ids: image ids as the data set names them, [N].
        draw: 0 .. protocol.noise_draws - 1.
        protocol: noise_std, noise_clip and noise_seed.

    Returns:
        [N, 3, H, W], as the images are in dtype and device.

    Raises:
        ValueError: not one id per image.
    """
    if len(ids) != len(images):
        raise ValueError(f"{len(images)} images need as many ids, got {len(ids)}")
    return torch.stack([image + _noise(image, name, draw, protocol) for image, name in zip(images, ids, strict=True)])


def _noise(image: Tensor, name: str, draw: int, protocol: Protocol) -> Tensor:
    digest = sha256(f"{protocol.noise_seed}:{draw}:{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    noise = torch.randn(image.shape, generator=generator) * protocol.noise_std  # on the CPU: the same on every machine
    return noise.clamp(-protocol.noise_clip, protocol.noise_clip).to(image)
