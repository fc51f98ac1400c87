"""How large a vision transformer is, told by the name that timm has for it. Needs no torch."""

import re
from dataclasses import dataclass

_SIZES = {"birds": (192, 6), "tiny": (192, 12), "small": (384, 12), "base": (768, 12), "large": (1024, 24)}
"""Width and blocks, by what timm calls their size."""


@dataclass(frozen=True)
class Layout:
    """Of a transformer on images of one size.

    Attributes:
        width, depth: channels of a token, number of blocks.
        patch: side in pixels.
        patches: of an image.
        tokens: patches, and what stands before them.
    """

    width: int
    depth: int
    patch: int
    patches: int
    tokens: int


def layout_of(backbone: str, image_size: int) -> Layout | None:
    """The layout of a backbone; None where its name does not tell it."""
    found = re.match(rf"(?:vit|deit3?)_({'|'.join(_SIZES)})_.*?patch(\d+)", backbone)
    if found is None:
        return None
    patch = int(found[2])
    patches = (image_size // patch) ** 2
    registers = re.search(r"_reg(\d+)", backbone)
    before = 1 + ("distilled" in backbone) + (int(registers[1]) if registers else 0)
    return Layout(*_SIZES[found[1]], patch, patches, patches + before)
