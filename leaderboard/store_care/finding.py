"""What a check of a folder of results finds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["torn", "foreign", "link", "newer", "unreadable", "incomplete", "left over"]
Progress = Callable[[str, int, int | None], None]
"""Told what is looked at, how much of it was, and how much there is."""
_MOVED = frozenset({"torn", "foreign", "link"})
_HARMLESS = frozenset({"incomplete", "left over"})


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes:
        kind: ``torn`` (cut short or changed), ``foreign`` (not written by partbench, or under another's name),
            ``link`` (leads elsewhere), ``newer`` (of a later schema version), ``unreadable`` (the disk or its
            permissions), ``incomplete`` (rows without items, or items without rows), ``left over`` (of a dead process).
        files: names below the folder of results, of what belongs together.
        what: what is wrong.
        cost: what is lost when the files are moved aside.
    """

    kind: Kind
    files: tuple[str, ...]
    what: str
    cost: str = ""

    @property
    def is_damage(self) -> bool:
        """Whether something cannot be read that ought to be; else it is worth knowing and no more."""
        return self.kind not in _HARMLESS

    @property
    def is_moved(self) -> bool:
        """Whether a repair moves it aside: a file of a later version is whole, and one that cannot be read may be."""
        return self.kind in _MOVED


def relative(path: str | Path, out: Path) -> str:
    """The name of a file below the folder of results."""
    return Path(path).relative_to(out).as_posix()
