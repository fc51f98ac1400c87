"""Backbones that are known to work, and those that come with partbench. Needs no torch."""

from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "backbones"

BACKBONES = {
    "vit_birds_patch8_96": "ViT/8, 2.7 M, 96 px, trained on drawn birds; comes with partbench",
    "deit_tiny_patch16_224": "DeiT-Ti/16, 5.5 M, 224 px",
    "deit_small_distilled_patch16_224": "DeiT-S/16 distilled, 22 M, 224 px",
    "vit_base_patch16_224.dino": "DINO ViT-B/16, 86 M, 224 px",
    "vit_small_patch14_reg4_dinov2.lvd142m": "DINOv2-S/14 with registers, 22 M, 518 px",
    "vit_base_patch14_reg4_dinov2.lvd142m": "DINOv2-B/14 with registers, 86 M, 518 px",
    "resnet34": "ResNet-34, 21 M, 224 px; convolutional: protopnet and huang2023",
    "resnet152": "ResNet-152, 58 M, 224 px; convolutional",
    "densenet121": "DenseNet-121, 7 M, 224 px; convolutional",
    "densenet161": "DenseNet-161, 26 M, 224 px; convolutional",
    "vgg16": "VGG-16, 15 M without its classifier, 224 px; convolutional",
    "vgg19": "VGG-19, 20 M without its classifier, 224 px; convolutional",
}

_SIZES = {"vit_birds_patch8_96": 96}


def default_size(name: str) -> int:
    """Image size in pixels that a run takes when the user names none."""
    return _SIZES.get(name, 224)


def shipped(name: str, ending: str = ".safetensors") -> Path | None:
    """The file of a backbone that comes with partbench: weights, or ``.md`` for its card; None for other backbones."""
    file = _FOLDER / f"{name}{ending}"
    return file if file.exists() else None
