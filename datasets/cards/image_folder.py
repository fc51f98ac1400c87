"""Card of pictures in folders named after their classes."""

from pydantic import Field

from ...cards import Settings
from .base import DatasetCard


class ImageFolderSettings(Settings):
    """How a folder of class folders is read.

    Attributes:
        test_share: share of the pictures of a single folder that are tested on; train/ and test/ need none.
        seed: of the split of a single folder.
        labels: column of labels.csv that pictures are labelled by, such as family; None: the class folders.
        keypoints: name of the COCO keypoint files; None: keypoints.json, where there is one.
        part_masks: folder of the part masks; None: part_masks, where there is one.
    """

    test_share: float = Field(0.3, gt=0, lt=1)
    seed: int = 0
    labels: str | None = Field(None, min_length=1)
    keypoints: str | None = Field(None, min_length=1)
    part_masks: str | None = Field(None, min_length=1)


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
