"""Card of the drawn birds, with every size as an option."""

from pydantic import Field

from ...cards import Settings
from .base import DatasetCard


class SyntheticBirdsSettings(Settings):
    """What is drawn. The same (version, seed, class, number) is the same picture, whatever the counts."""

    classes: int = Field(20, ge=2, le=9999, description="every tenth class differs from the one before in one trait")
    train_images: int = Field(30, ge=2, le=9999, description="training images of each class")
    test_images: int = Field(15, ge=1, le=9999, description="test images of each class")
    size: int = Field(128, ge=32, le=1024, description="side of the pictures in pixels")
    seed: int = Field(0, ge=0, description="which classes and which pictures")


CARD = DatasetCard(
    name="synthetic_birds",
    title="Synthetic birds",
    implementation="partbench.datasets.synthetic_birds:read",
    fingerprint="partbench.datasets.synthetic_birds:fingerprint",
    settings=SyntheticBirdsSettings,
    layout="nothing: the pictures are drawn",
    default_backbone="vit_birds_patch8_96",
    default_preset="quick",
    redistributable=True,
    generated=True,
)
