"""Archives unpacked: what is in them comes out as it is, and nothing else happens, whatever they hold."""

import io
import os
import random
import stat
import tarfile
import zipfile
from contextlib import suppress

import pytest

from partbench.datasets.fetch.archives import ArchiveError, Limits
from partbench.datasets.fetch.extract import extract
from partbench.errors import UserError

FILES = {"top/images/a b.jpg": b"\xff\xd8 picture", "top/parts/parts.txt": b"1 beak\n", "top/zöe.txt": b"",
         "top/large.bin": random.Random(0).randbytes(700_000)}


def tar(*entries, mode="w:gz"):
    """Entries are names with content, or TarInfo."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            if info.isreg():
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(*entries, compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def odd(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def zip_link(name, target):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target.encode()


@pytest.fixture
def unpack(tmp_path):
    """Unpack bytes in a folder of its own; checks that nothing appears beside it."""
    def run(content, **options):
        archive, into = tmp_path / "archive", tmp_path / "deep" / "down" / "into"
        archive.write_bytes(content)
        into.mkdir(parents=True, exist_ok=True)
        try:
            extract(archive, into, **options)
        finally:
            assert sorted(os.listdir(tmp_path)) == ["archive", "deep"]
            assert [path for path in (tmp_path / "deep").rglob("*") if into not in path.parents] == [into.parent, into]
            assert not [path for path in into.rglob("*") if path.is_symlink()]
        return {path.relative_to(into).as_posix(): path.read_bytes() for path in into.rglob("*") if path.is_file()}
    return run


@pytest.mark.parametrize("make", [*(lambda *entries, mode=mode: tar(*entries, mode=mode)
                                    for mode in ("w", "w:gz", "w:bz2", "w:xz")),
                                  zipped, lambda *entries: zipped(*entries, compression=zipfile.ZIP_STORED)],
                         ids=["tar", "tar.gz", "tar.bz2", "tar.xz", "zip", "stored zip"])
def test_files_come_out_as_they_went_in(make, unpack):
    told = []
    assert unpack(make(*FILES.items()), progress=lambda *now: told.append(now)) == FILES
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] > 0


def test_leading_folders_are_left_away_and_what_lies_above_them_is_left_out(unpack):
    entries = [("./" + name, content) for name, content in FILES.items()]
    assert unpack(tar(("readme.txt", b"hello"), odd("./top", tarfile.DIRTYPE), *entries), strip=1) == {
        name.removeprefix("top/"): content for name, content in FILES.items()}


@pytest.mark.parametrize("make", [
    lambda: tar(("a/x", b"1"), odd("b/y", tarfile.SYMTYPE, "../a/x"), odd("z", tarfile.LNKTYPE, "a/x")),
    lambda: zipped(("a/x", b"1"), zip_link("b/y", "../a/x"), zip_link("z", "a/x"))], ids=["tar", "zip"])
def test_a_link_inside_becomes_a_second_name_and_never_a_link(make, unpack):
    assert unpack(make()) == {"a/x": b"1", "b/y": b"1", "z": b"1"}


def test_modes_and_owners_are_not_taken_over(unpack, tmp_path):
    info = tarfile.TarInfo("tool")
    info.mode, info.uid = 0o6777, 0
    unpack(tar((info, b"#!")))
    assert (tmp_path / "deep/down/into/tool").stat().st_mode & 0o7111 == 0


def huge():
    info = tarfile.TarInfo("x")
    info.size = 2**50
    return info.tobuf()


def long_header():
    """A header of 4 MB that says how the next file is called."""
    return tar((tarfile.TarInfo("x" * (4 << 20)), b""))


def damaged(content, place):
    place %= len(content)
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1:]


def headers(name, offset):
    content = tar(("a", b"1"), ("b", b"2"), mode="w")
    return content[:offset] + name + content[offset + len(name):]


def encrypted():
    content = bytearray(zipped(("a", b"secret")))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


WHOLE = tar(*FILES.items())
REFUSED = {
    "a path that climbs out": (lambda: tar(("a/../../x", b"")), "leads outside"),
    "a path that climbs out and back": (lambda: tar(("../into/x", b"")), "leads outside"),
    "an absolute path": (lambda: tar(("/etc/x", b"")), "leads outside"),
    "a path with backslashes": (lambda: tar(("..\\x", b"")), "leads outside"),
    "a path with a drive": (lambda: tar(("C:x", b"")), "leads outside"),
    "a zip path that climbs out": (lambda: zipped(("../x", b"")), "leads outside"),
    "an absolute zip path": (lambda: zipped(("/tmp/x", b"")), "leads outside"),
    "a folder that climbs out": (lambda: tar(odd("../new", tarfile.DIRTYPE)), "leads outside"),
    "a symbolic link to /etc": (lambda: tar(odd("x", tarfile.SYMTYPE, "/etc")), "outside, to '/etc'"),
    "a symbolic link that climbs out": (lambda: tar(odd("a/x", tarfile.SYMTYPE, "../../y")), "leads outside"),
    "a file through a link": (lambda: tar(odd("x", tarfile.SYMTYPE, "../.."), ("x/y", b"")), "leads outside"),
    "a file through a link inside": (lambda: tar(odd("x", tarfile.SYMTYPE, "y"), ("x/z", b"")), "leads to no file"),
    "a hard link outside": (lambda: tar(odd("x", tarfile.LNKTYPE, "../../archive")), "leads outside"),
    "an absolute hard link": (lambda: tar(odd("x", tarfile.LNKTYPE, "/etc/passwd")), "leads outside"),
    "a zip link to /etc": (lambda: zipped(zip_link("x", "/etc/passwd")), "leads outside"),
    "a link to itself": (lambda: tar(odd("x", tarfile.SYMTYPE, "x")), "leads to no file"),
    "a link over a file": (lambda: tar(("y", b""), ("x", b""), odd("x", tarfile.SYMTYPE, "y")), "in it twice"),
    "a named pipe": (lambda: tar(odd("x", tarfile.FIFOTYPE)), "is a device"),
    "a device": (lambda: tar(odd("x", tarfile.CHRTYPE)), "is a device"),
    "the same name twice": (lambda: tar(("x", b"1"), ("./x", b"2")), "'./x' is in it twice"),
    "the same zip name twice": (lambda: zipped(("x", b"1"), ("./x", b"2")), "'./x' is in it twice"),
    "a file that is a folder": (lambda: tar(("x", b""), ("x/y", b"")), "both a file and a folder"),
    "a folder that is a file": (lambda: tar(("x/y", b""), ("x", b"")), "both a file and a folder"),
    "a bomb": (lambda: tar(("x", bytes(40 << 20))), "more than \\d+ bytes"),
    "a zip bomb": (lambda: zipped(("x", bytes(40 << 20))), "more than \\d+ bytes"),
    "a bomb after the end": (lambda: tar(("x", b"")) + tar(("y", bytes(20 << 20))), "more than \\d+ bytes"),
    "a size of a petabyte": (huge, "no whole tar"),
    "a header of 4 MB": (long_header, "a header of"),
    "an encrypted file": (encrypted, "an encrypted file"),
    "a cut archive": (lambda: WHOLE[:-100], "no whole tar"),
    "half an archive": (lambda: WHOLE[:len(WHOLE) // 2], "no whole tar"),
    "a cut tar": (lambda: tar(("a", b"1"), mode="w")[:1024], "no whole tar"),
    "a cut zip": (lambda: zipped(*FILES.items())[:-300], "no whole tar or zip"),
    "a flipped byte": (lambda: damaged(WHOLE, len(WHOLE) // 2), "no whole tar"),
    "a flipped checksum": (lambda: damaged(WHOLE, -6), "no whole tar"),
    "a flipped byte in a zip": (lambda: damaged(zipped(*FILES.items()), 300_000), "no whole tar or zip"),
    "a damaged header": (lambda: headers(b"garbage", 1024 + 148), "no whole tar"),
    "a web page": (lambda: b"\n<!DOCTYPE html><html>", "a web page"),
    "random bytes": (lambda: random.Random(1).randbytes(5000), "no whole tar"),
    "nothing": (lambda: b"", "no whole tar"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_line_and_nothing_outside_for(case, unpack):
    make, message = REFUSED[case]
    with pytest.raises(ArchiveError, match=message) as error:
        unpack(make())
    assert "\n" not in str(error.value)
    assert ";" in str(error.value)


def test_a_bomb_is_stopped_while_it_unpacks(unpack, tmp_path):
    with pytest.raises(ArchiveError):
        unpack(tar(("x", bytes(40 << 20))))
    assert (tmp_path / "deep/down/into/x").stat().st_size <= 17 << 20


def test_limits_count_files_folders_and_bytes(unpack):
    entries = [odd(f"folder{number}", tarfile.DIRTYPE) for number in range(9)]
    with pytest.raises(ArchiveError, match="more than 8 files"):
        unpack(tar(*entries), limits=Limits(files=8))
    with pytest.raises(ArchiveError, match="more than 100000 bytes"):
        unpack(WHOLE, limits=Limits(size=100_000))


def test_any_single_damage_is_refused_or_harmless(unpack):
    content = tar(*list(FILES.items())[:3], mode="w")
    for place in range(0, 5 * 512, 11):
        with suppress(UserError):
            unpack(damaged(content, place))


def test_a_full_disk_is_not_blamed_on_the_archive(unpack, monkeypatch):
    def full(path, mode):
        return open("/dev/full" if mode == "xb" else path, mode.replace("x", "w"))
    monkeypatch.setattr("partbench.datasets.fetch.extract.open", full, raising=False)
    with pytest.raises(UserError, match="No space left") as error:
        unpack(WHOLE)
    assert not isinstance(error.value, ArchiveError)
