"""What commands print on. Rich is imported when something is printed: help does without it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console(stderr: bool = False) -> "Console":
    """Standard output, or standard error, as they are now."""
    from rich.console import Console

    return Console(stderr=stderr)
