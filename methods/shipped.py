"""The backbone that comes with partbench, known to timm by name: a small vision transformer trained on drawn birds.

Its card is ``backbones/vit_birds_patch8_96.md``.
"""

from pathlib import Path
from typing import Any

from timm.models import generate_default_cfgs, register_model
from timm.models.vision_transformer import VisionTransformer, _create_vision_transformer

FOLDER = Path(__file__).parent / "backbones"
default_cfgs = generate_default_cfgs({
    "vit_birds_patch8_96": {
        "file": str(FOLDER / "vit_birds_patch8_96.safetensors"), "input_size": (3, 96, 96), "num_classes": 0,
        "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "interpolation": "bilinear", "license": "apache-2.0",
        "first_conv": "patch_embed.proj", "classifier": "head",
    },
})


@register_model
def vit_birds_patch8_96(pretrained: bool = False, **options: Any) -> VisionTransformer:
    """6 blocks of 192 channels and 3 heads on a grid of 12 x 12 patches of 8 pixels: 2.7 million parameters."""
    layout = {"img_size": 96, "patch_size": 8, "embed_dim": 192, "depth": 6, "num_heads": 3}
    return _create_vision_transformer("vit_birds_patch8_96", pretrained=pretrained, **{**layout, **options})
