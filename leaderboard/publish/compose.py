"""The next site: what is published and what is to be published, merged, and every page drawn from that."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..report import build_report
from ..store import BOARD
from .choose import chosen
from .rows import decode, empty, encode
from .tree import DATA, Difference, carry, difference, files_under, link_or_copy, own_files, write_marker
from .union import united

if TYPE_CHECKING:
    import pandas

ASIDE = "aside.parquet"
"""Rows that do not count, in the folder of data: superseded attempts, and what lost a clash."""
DrawSweeps = Callable[[Path], list[str]]
"""Draws the pages of searches in a folder of results into its ``report``; returns what kept any from it."""


@dataclass(frozen=True)
class Own:
    """What is to be published: sanitised rows, and a folder with the files that go with them."""

    frame: "pandas.DataFrame"
    files: Path


@dataclass(frozen=True)
class Change:
    """What a publish does, or would do.

    Attributes:
        rows: that nobody had published.
        total: rows that count.
        clashes: a line each.
        problems: what was skipped, a line each.
        files: of the whole site.
    """

    rows: int
    total: int
    clashes: list[str]
    problems: list[str]
    files: Difference


def compose(old: Path | None, own: Own, new: Path, where: str, draw_sweeps: DrawSweeps) -> Change:
    """Write the next site into ``new``, which does not exist yet; ``old`` is the published one, and is not touched.

    Raises:
        UserError: ``old`` is no site of ours or cannot be read, or there is no space.
    """
    known = own_files(old, where) if old else None
    old = old if known is not None else None
    data = new / DATA
    data.mkdir(parents=True)
    published = _published(old / DATA, where) if old else empty()
    union = united(published, own.frame)
    files, forked = chosen(_data_files(old, known), files_under(own.files), union.counted)
    for name, path in files.items():
        to = data / name
        to.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(path, to)
    (data / BOARD).write_bytes(encode(union.counted))
    if len(union.aside):
        (data / ASIDE).write_bytes(encode(union.aside))
    problems = _draw(new, draw_sweeps)
    (new / ".nojekyll").touch()  # GitHub Pages: the files are the site, nothing is to be made of them
    write_marker(new)
    if old:
        carry([name for name in files_under(old) if name not in known], old, new)
    return Change(union.added, len(union.counted), [*union.clashes, *forked], problems, difference(old, new))


def _published(data: Path, where: str) -> "pandas.DataFrame":
    import pandas as pd

    frames = [decode((data / BOARD).read_bytes() if (data / BOARD).exists() else b"", f"{DATA}/{BOARD} of {where}")]
    if (data / ASIDE).exists():
        frames.append(decode((data / ASIDE).read_bytes(), f"{DATA}/{ASIDE} of {where}"))
    return pd.concat(frames, ignore_index=True)


def _data_files(old: Path | None, known: set[str] | None) -> dict[str, Path]:
    if old is None:
        return {}
    return {name: path for name, path in files_under(old / DATA).items()
            if f"{DATA}/{name}" in known and name not in (BOARD, ASIDE) and path.is_file() and not path.is_symlink()}


def _draw(new: Path, draw_sweeps: DrawSweeps) -> list[str]:
    data = new / DATA
    drawn = data / "report"  # where pages of searches are drawn: beside the results
    problems = draw_sweeps(data)
    for page in sorted(drawn.glob("sweep-*.html")):
        page.rename(new / page.name)
    for left in sorted(drawn.glob("*")):
        left.unlink()
    if drawn.is_dir():
        drawn.rmdir()
    build_report(data, new)
    return problems
