"""Lazy tables of contents: a folder's ``__init__`` names what it offers, and imports it when it is asked for."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

Contents = tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]


def table_of_contents(package: str, home: Mapping[str, str]) -> Contents:
    """``__all__``, ``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: its ``__name__``.
        home: public name -> the module it is in, such as ``".peak_search"``. No module may be called as a public name:
            importing it would put the module in the name's place.
    """
    names = sorted(home)

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(home[name], package), name)

    return names, get, lambda: names
