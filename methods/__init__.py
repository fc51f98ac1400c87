"""Methods: one file each, the backbone they share, and what they have in common."""

from importlib import import_module

_HOME = {
    "Affine": ".affine",
    "Backbone": ".backbone",
    "Batch": ".base",
    "Explanation": ".base",
    "Level": ".base",
    "Method": ".base",
    "MethodCard": ".cards.base",
    "Stage": ".base",
    "Tunable": ".base",
    "create": ".catalogue",
    "load_backbone": ".backbone",
    "registry": ".catalogue",
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
