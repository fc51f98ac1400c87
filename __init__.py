"""partbench: interpretable vision methods compared on equal terms."""

from importlib import import_module

__version__ = "0.1.0"
__all__ = ["datasets", "leaderboard", "methods", "metrics", "run"]


def __getattr__(name: str):
    if name == "run":
        return import_module(".harness.api", __name__).run
    if name in ("datasets", "harness", "leaderboard", "methods", "metrics", "sweeps"):
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
