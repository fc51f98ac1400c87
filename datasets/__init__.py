"""Data sets: files in; images, labels and part annotations out."""

from ..contents import table_of_contents

__all__, __getattr__, __dir__ = table_of_contents(__name__, {
    "Archive": ".cards.base",
    "DatasetCard": ".cards.base",
    "PartDataset": ".base",
    "Sample": ".base",
    "Source": ".cards.base",
    "Split": ".base",
    "augmentation": ".augment",
    "augmentations": ".augment",
    "cached": ".decoded",
    "check_dataset": ".contract.check",
    "check_images": ".images",
    "decode": ".images",
    "decoded_fingerprint": ".decoded",
    "load": ".catalogue",
    "registry": ".catalogue",
    "view": ".views",
})
