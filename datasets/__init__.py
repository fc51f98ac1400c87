"""Data sets: files in; images, labels and part annotations out."""

from importlib import import_module

_HOME = {
    "DatasetCard": ".catalogue",
    "PartDataset": ".base",
    "Sample": ".base",
    "Split": ".base",
    "augmentation": ".augment",
    "augmentations": ".augment",
    "check_images": ".images",
    "decode": ".images",
    "default_root": ".catalogue",
    "load": ".catalogue",
    "registry": ".catalogue",
    "view": ".views",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
