"""Card of pictures in folders named after their classes."""

from pydantic import Field

from ...cards import Settings
from .base import DatasetCard


class ImageFolderSettings(Settings):
    """How a folder of class folders is read."""

    test_share: float = Field(0.3, gt=0, lt=1, description="share of a single folder's pictures that are tested on")
    seed: int = Field(0, description="of the split of a single folder")
    labels: str | None = Field(None, min_length=1, description="column of labels.csv; None: the class folders")
    keypoints: str | None = Field(None, min_length=1, description="name of COCO files; None: keypoints.json if there")
    part_masks: str | None = Field(None, min_length=1, description="folder of label maps; None: part_masks if there")


CARD = DatasetCard(
    name="image_folder",
    title="Image folder",
    implementation="partbench.datasets.image_folder:read",
    fingerprint="partbench.datasets.image_folder:fingerprint",
    settings=ImageFolderSettings,
    layout="train/<class>/, test/<class>/ and perhaps val/<class>/, or <class>/ alone; where they are wanted "
           "keypoints.json (COCO), part_masks/ (label maps beside the same relative paths, parts.txt) and labels.csv "
           "(class, then levels such as genus and family)",
)
