"""Leaderboard: rows and their Parquet store, summary tables, the static report."""

from importlib import import_module

_HOME = {
    "COLUMNS": ".rows",
    "Row": ".rows",
    "SCHEMA_VERSION": ".rows",
    "STATUSES": ".rows",
    "Store": ".store",
    "boards": ".collect",
    "build_report": ".report",
    "leaderboard_table": ".table",
    "load": ".store",
    "summary": ".table",
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
