"""An archive unpacked into a folder, and nowhere else: no entry leads outside, fills the disk or is a device."""

import posixpath
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

from .archives import ArchiveError, Limits, Member, Meter, members
from .staging import second_name, writable

Parts = tuple[str, ...]
_LIMITS = Limits()


def extract(archive: Path, into: Path, strip: int = 0, limits: Limits = _LIMITS,
            progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Unpack a tar (plain, gz, bz2, xz) or zip archive, told by its content, into the folder ``into``.

    Links become further names of the files they lead to: no symbolic link is ever made, so that none can be followed.
    Owners, modes and times are not taken over.

    Args:
        strip: leading folders that are left away; what lies above them is left out.
        progress: told bytes of the archive that were read, and bytes in all.

    Raises:
        ArchiveError: an entry with an absolute path, with ``..``, twice, encrypted, or a device; a link that leads
            outside; more than the limits, as soon as they are reached; a damaged archive.
        UserError: the disk is full, or not writable.
    """
    size = archive.stat().st_size
    meter = Meter(archive, limits)
    with open(archive, "rb") as raw:
        unpacking = _Unpacking(archive, into, strip, meter)
        for member in members(archive, raw, meter):
            unpacking.add(member)
            progress(min(raw.tell(), size), size)
        unpacking.link()
    progress(size, size)


class _Unpacking:
    """The folder, the files that are in it, and the links that wait for them."""

    def __init__(self, archive: Path, into: Path, strip: int, meter: Meter):
        self.archive = archive
        self.meter = meter
        self.into = into
        self.strip = strip
        self.written: set[Parts] = set()
        self.links: dict[Parts, Parts] = {}

    def add(self, member: Member) -> None:
        parts = self._parts(member.name, "an entry")[self.strip:]
        if member.kind not in ("file", "folder", "link", "name"):
            raise self._refused(f"{member.name!r} is {member.kind}")
        if not parts:
            return
        if member.kind == "folder":
            self._folder(parts)
            return
        if parts in self.written or parts in self.links:
            raise self._refused(f"{member.name!r} is in it twice")
        if member.kind == "file":
            self._write(parts, member)
        else:
            beside = posixpath.dirname(member.name) if member.kind == "link" else ""
            self.links[parts] = self._target(member, beside)

    def link(self) -> None:
        """Give the files that links lead to their further names."""
        for parts, target in self.links.items():
            if target not in self.written:
                raise self._refused(f"the link {'/'.join(parts)!r} leads to no file before it")
            file = self.into.joinpath(*target)
            self.meter.take(file.stat().st_size)  # it may have to be a copy
            second_name(file, self._place(parts))
            self.written.add(parts)

    def _target(self, member: Member, beside: str) -> Parts:
        if member.target.startswith("/"):
            raise self._refused(f"the link {member.name!r} leads outside, to {member.target!r}")
        target = posixpath.normpath(posixpath.join(beside, member.target))
        return self._parts(target, f"the link {member.name!r}")[self.strip:]

    def _parts(self, name: str, what: str) -> Parts:
        """The folders and the name of a path; an error for one that could lead outside on any system."""
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or PureWindowsPath(name).drive:
            raise self._refused(f"{what} leads outside, to {name!r}")
        return parts

    def _write(self, parts: Parts, member: Member) -> None:
        path = self._place(parts)
        with writable(path), open(path, "xb") as out:
            for block in member.blocks():
                out.write(block)
        self.written.add(parts)

    def _place(self, parts: Parts) -> Path:
        """A free path; an earlier archive's file of that name makes room."""
        self._folder(parts[:-1])
        path = self.into.joinpath(*parts)
        if path.is_dir():
            raise self._refused(f"{'/'.join(parts)!r} is both a file and a folder")
        with writable(path):
            path.unlink(missing_ok=True)
        return path

    def _folder(self, parts: Parts) -> None:
        path = self.into.joinpath(*parts)
        with writable(path):
            try:
                path.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise self._refused(f"{'/'.join(parts)!r} is both a file and a folder") from None

    def _refused(self, why: str) -> ArchiveError:
        return ArchiveError(f"{self.archive}: {why}; nothing of it is used, it is not safe to unpack")
