"""Cards of the shipped methods: settings with bounds and defaults, without torch."""

from importlib import import_module

_HOME = {"IVPT": ".ivpt", "MethodCard": ".base", "PROMPT_CAM": ".prompt_cam"}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
