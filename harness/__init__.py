"""The conductor: command line, plan, schedule, training loop, one-pass evaluation, run folders."""

from importlib import import_module

_HOME = {
    "RunConfig": ".config",
    "RunSpec": ".spec",
    "main": ".cli",
    "make_plan": ".plan",
    "run": ".api",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
