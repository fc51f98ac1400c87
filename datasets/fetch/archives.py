"""What is in an archive, tar or zip, as its bytes come: a damaged, hostile or boundless one is noticed on the way."""

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ...errors import UserError

_BLOCK = 1 << 18
_LONGEST_HEADER = 1 << 20
_SMALL = 1 << 24
"""Bytes that any archive may hold, however well they are compressed."""
_DECOMPRESSED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}


class ArchiveError(UserError):
    """The archive is not one that may be unpacked; its bytes are of no use."""


@dataclass(frozen=True)
class Limits:
    """What an archive may hold before it is taken for a bomb.

    Attributes:
        size: bytes when unpacked.
        files: files, folders and links.
        ratio: bytes when unpacked for each byte of the archive; pictures do not compress, tables about 10 times.
    """

    size: int = 2**40
    files: int = 5_000_000
    ratio: int = 100


@dataclass(frozen=True)
class Member:
    """One entry of an archive.

    Attributes:
        name: path as the archive has it, unchecked.
        kind: ``"file"``, ``"folder"``, ``"link"`` (relative to its own folder), ``"name"`` (a hard link, relative to
            the root), or in words what is not taken.
        blocks: the bytes of a file; to be read before the next member.
        target: where a link leads, unchecked.
    """

    name: str
    kind: str
    blocks: Callable[[], Iterator[bytes]]
    target: str = ""


class Meter:
    """Counts what comes out of an archive, and stops it at the limit."""

    def __init__(self, archive: Path, limits: Limits):
        self.archive = archive
        self.limits = limits
        self.size = self.files = 0
        self.most = min(limits.size, max(limits.ratio * archive.stat().st_size, _SMALL))

    def take(self, size: int) -> None:
        self.size += size
        if self.size > self.most:
            raise ArchiveError(f"{self.archive} unpacks to more than {self.most} bytes, far more than pictures do; it "
                               "is damaged or meant to fill the disk, do not use it")

    def entry(self) -> None:
        self.files += 1
        if self.files > self.limits.files:
            raise ArchiveError(f"{self.archive} holds more than {self.limits.files} files; it is damaged or meant to "
                               "fill the disk, do not use it")


def members(archive: Path, raw: BinaryIO, meter: Meter) -> Iterator[Member]:
    """The members of ``archive``, opened as ``raw``, in the order in which they are stored.

    Raises:
        ArchiveError: neither tar nor zip, damaged, cut short, encrypted, or beyond the meter.
    """
    head = raw.read(8)
    raw.seek(0)
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return _zip_members(archive, raw, meter)
    if head.lstrip().startswith(b"<"):
        raise ArchiveError(f"{archive} is a web page, not an archive; open the data set's page in a browser")
    return _tar_members(archive, raw, meter)


def _tar_members(archive: Path, raw: BinaryIO, meter: Meter) -> Iterator[Member]:
    with _damage(archive):
        stream = _Forward(raw, meter)
        tar = tarfile.open(fileobj=stream, mode="r:")
        while (info := tar.next()) is not None:
            meter.entry()
            tar.members.clear()  # it would keep every header there has been
            yield _tar_member(archive, stream, info)
        if stream.last.strip(b"\0") or not stream.last:
            raise tarfile.ReadError("a header is damaged or missing")
        while stream.read(_BLOCK):  # up to the checksum of a compressed stream
            pass


def _tar_member(archive: Path, stream: "_Forward", info: tarfile.TarInfo) -> Member:
    def blocks() -> Iterator[bytes]:
        with _damage(archive):
            stream.seek(info.offset_data)
            left = info.size
            while left:
                block = stream.read(min(left, _BLOCK))
                if not block:
                    raise tarfile.ReadError("it ends too early")
                left -= len(block)
                yield block

    kind = ("a sparse file" if info.issparse() else "file" if info.isreg() else "folder" if info.isdir()
            else "link" if info.issym() else "name" if info.islnk() else "a device")
    return Member(info.name, kind, blocks, info.linkname)


class _Forward:
    """A decompressed tar as tarfile wants it, read once from begin to end; ``last`` is what was read last."""

    def __init__(self, raw: BinaryIO, meter: Meter):
        head = raw.read(6)
        raw.seek(0)
        opened = (opener for magic, opener in _DECOMPRESSED.items() if head.startswith(magic))
        self._stream = next(opened, lambda raw: raw)(raw)
        self._meter = meter
        self._place = 0
        self.last = b""

    def read(self, size: int) -> bytes:
        if size > _LONGEST_HEADER:  # tarfile reads a header at once, as long as the archive says it is
            raise tarfile.ReadError(f"a header of {size} bytes")
        blocks, left = [], size
        while left and (block := self._stream.read(left)):
            self._meter.take(len(block))
            blocks.append(block)
            left -= len(block)
        self.last = b"".join(blocks)
        self._place += len(self.last)
        return self.last

    def seek(self, place: int) -> None:
        if place < self._place:
            raise tarfile.ReadError("its members overlap")
        while self._place < place and self.read(min(place - self._place, _BLOCK)):
            pass

    def tell(self) -> int:
        return self._place


def _zip_members(archive: Path, raw: BinaryIO, meter: Meter) -> Iterator[Member]:
    with _damage(archive), zipfile.ZipFile(raw) as file:
        for info in file.infolist():
            meter.entry()
            yield _zip_member(archive, file, info, meter)


def _zip_member(archive: Path, file: zipfile.ZipFile, info: zipfile.ZipInfo, meter: Meter) -> Member:
    def blocks() -> Iterator[bytes]:
        with _damage(archive), file.open(info) as stream:
            while block := stream.read(_BLOCK):
                meter.take(len(block))
                yield block

    mode = stat.S_IFMT(info.external_attr >> 16)
    if info.flag_bits & 1:
        return Member(info.filename, "an encrypted file", blocks)
    if mode == stat.S_IFLNK:
        target = next(blocks(), b"") if info.file_size < 4096 else b""
        return Member(info.filename, "link", blocks, os.fsdecode(target))
    kind = "folder" if info.is_dir() else "file" if mode in (0, stat.S_IFREG) else "a device"
    return Member(info.filename, kind, blocks)


@contextmanager
def _damage(archive: Path) -> Iterator[None]:
    """Whatever goes wrong while the archive is read is the archive's fault, and one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # hostile bytes may fail anywhere in a decoder, with any error
        what = " ".join(str(error).split()) or type(error).__name__
        raise ArchiveError(f"{archive} is no whole tar or zip archive ({what}); download it again") from None
