"""A data set fetched from its owners: downloaded, unpacked, read once, and then there; or not there at all."""

import logging
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from ...errors import UserError
from ..cards.base import Archive, DatasetCard, Source
from .archives import ArchiveError
from .download import digest, fetch
from .extract import extract
from .staging import discard, publish, second_name, staging, vacant, writable
from .web import web_address

log = logging.getLogger("partbench")
Progress = Callable[[str, int, int | None], None]
"""Told what is being done, bytes done, and bytes in all where they are known."""


def install(card: DatasetCard, folder: Path | str, mirror: str | None = None,
            progress: Progress = lambda what, done, total: None, pause: float = 1.0) -> Path:
    """Fetch the data set of ``card`` into ``folder``, which must not be there or be empty.

    Everything happens in a hidden folder beside it, which an interrupted download leaves for the next try. The folder
    gets its name when the reader has accepted what is in it.

    Args:
        mirror: address of a folder that holds the owners' files under their names, in place of the owners' server.
        pause: seconds before the second try of a broken connection; doubled after each failure.

    Returns:
        The folder, as an absolute path.

    Raises:
        UserError: what keeps the data set from being fetched, and how to mend it. There is no folder then.
    """
    source = downloadable(card)
    folder = vacant(folder)
    addresses = [address(archive, mirror) for archive in source.archives]
    with staging(folder) as hidden:
        files = [hidden / "downloads" / f"{number}-{_name(url)}" for number, url in enumerate(addresses)]
        filled = hidden / "data"
        discard(filled)  # of a try that was stopped while it unpacked
        _check_space(source, files, hidden)
        for url, archive, file in zip(addresses, source.archives, files, strict=True):
            _download(url, archive, file, progress, pause)
        try:
            _fill(filled, source, files, progress)
            _read(card, filled, source, files)
        except UserError as error:
            discard(filled)
            raise UserError(f"{card.name} was not installed: {error}") from None
        publish(filled, folder)
    return folder


def downloadable(card: DatasetCard) -> Source:
    """The source of ``card``, if partbench can fetch from it.

    Raises:
        UserError: it is drawn, or its owners want something done by hand.
    """
    if card.generated:
        raise UserError(f"{card.name} is drawn, there is nothing to download; name it with --dataset, or write it with "
                        f"'harness data make {card.name} DIR'")
    if card.source is None:
        raise UserError(f"there is nothing to download for {card.name}; give a folder as --data-root that holds "
                        f"{card.layout}")
    if not card.source.archives:
        raise UserError(f"{card.name} cannot be downloaded without you: {card.source.form or card.source.page}; then "
                        f"check it with 'harness data check {card.name} DIR'")
    return card.source


def address(archive: Archive, mirror: str | None = None) -> str:
    """Where ``archive`` is: at its owners', or under the same file name in the folder ``mirror``.

    Raises:
        UserError: no address of the web.
    """
    if mirror is None:
        return web_address(archive.url)
    return f"{web_address(mirror).rstrip('/')}/{quote(_name(archive.url))}"


def _name(url: str) -> str:
    """The file name at the end of an address."""
    return PurePosixPath(unquote(urlsplit(url).path)).name.replace("\0", "") or "file"


def _check_space(source: Source, files: list[Path], hidden: Path) -> None:
    """An error where the known sizes say that downloads and what they unpack to will not fit."""
    needed = 0
    for archive, file in zip(source.archives, files, strict=True):
        parts = (file, file.with_name(f"{file.name}.part"))
        there = sum(part.stat().st_size for part in parts if part.exists())
        needed += max(0, (archive.size or 0) - there) + (archive.size or 0) * archive.unpack
    free = shutil.disk_usage(hidden).free
    if needed > free:
        raise UserError(f"{hidden.parent} has {free / 1e9:.1f} GB free, downloading and unpacking take at least "
                        f"{needed / 1e9:.1f} GB; free some or give another --to")


def _download(url: str, archive: Archive, file: Path, progress: Progress, pause: float) -> None:
    with writable(file.parent):
        file.parent.mkdir(exist_ok=True)
    what = f"download {_name(url)}"
    log.info("downloading %s", url)
    fetch(url, file, archive.size, archive.checksum, lambda done, total: progress(what, done, total or archive.size),
          pause)
    if archive.checksum is None:
        log.info("%s: its owners publish no checksum; it has %s", url, digest(file))


def _fill(filled: Path, source: Source, files: list[Path], progress: Progress) -> None:
    for archive, file in zip(source.archives, files, strict=True):
        into = filled / archive.into
        with writable(into):
            into.mkdir(parents=True, exist_ok=True)
        name = _name(archive.url)
        log.info("unpacking %s", name)
        if not archive.unpack:
            second_name(file, into / name)
            continue
        try:
            extract(file, into, archive.strip, progress=partial(progress, f"unpack {name}"))
        except ArchiveError:
            _forget([archive], [file])
            raise


def _read(card: DatasetCard, filled: Path, source: Source, files: list[Path]) -> None:
    """Let the reader judge what has come."""
    try:
        card.load()(filled, card.resolve())
    except UserError:
        _forget(source.archives, files)
        raise


def _forget(archives: Sequence[Archive], files: list[Path]) -> None:
    """Without a checksum, a refused file may have been damaged on its way: the next try fetches it again."""
    for archive, file in zip(archives, files, strict=True):
        if archive.checksum is None:
            file.unlink()
