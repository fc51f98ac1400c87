"""Pictures in class folders: what is listed, what is passed over, and what is refused. Opens no file."""

import os
from collections.abc import Container
from pathlib import Path

from ...errors import UserError
from .layout import entries_in

_PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")
_SPELLINGS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
              "test": "test", "testing": "test"}

ByClass = dict[str, list[str]]


def list_pictures(root: Path, skip: Container[str] = ()) -> dict[str, ByClass]:
    """Split -> class -> paths of its pictures relative to ``root``; the split ``""`` where there are no split folders.

    A class is a folder; what lies deeper in it belongs to it too. Pictures are files that are named as such,
    whatever the case of the letters. Other files, and names that begin with a dot, are passed over.

    Args:
        skip: folders of ``root`` that hold no classes.

    Raises:
        UserError: no class, a class without picture, a picture beside the class folders, a symbolic link that leads
            outside or to a folder, a name that is not UTF-8 text, or split folders that are incomplete.
    """
    folders = sorted(entry.name for entry in entries_in(root) if _is_folder(entry) and entry.name not in skip)
    kinds = {_SPELLINGS[name.lower()] for name in folders if name.lower() in _SPELLINGS}
    if "train" not in kinds or len(kinds) == 1:
        return {"": _classes(root, "", skip)}
    for name in folders:
        if name.lower() in _SPELLINGS and name not in _SPELLINGS.values():
            raise UserError(f"{root} holds a folder '{name}'; rename it to '{_SPELLINGS[name.lower()]}'")
    if "test" not in kinds:
        raise UserError(f"{root} holds train/ and val/, but no test/; add it, or rename val/ if it is what you test on")
    return {split: _classes(root, f"{split}/", ()) for split in ("train", "val", "test") if split in kinds}


def inside(root: Path, name: str) -> Path:
    """``root/name``, unless that is somewhere else.

    Raises:
        UserError: the path, or a symbolic link in it, leads outside ``root``.
    """
    if "\0" in name or not os.path.realpath(root / name).startswith(os.path.join(os.path.realpath(root), "")):
        raise UserError(f"{name!r} leads outside {root}; put a copy inside")
    return root / name


def _classes(root: Path, within: str, skip: Container[str]) -> ByClass:
    found = {}
    for entry in entries_in(root / within):
        if _is_folder(entry) and entry.name not in skip:
            found[entry.name] = pictures_below(root, f"{within}{entry.name}/")
        elif not _is_folder(entry) and _is_picture(root, entry):
            raise UserError(f"picture {within + entry.name!r} of {root} lies beside the class folders; move it into "
                            "the folder of its class")
    if not found:
        raise UserError(f"{root / within} holds no class folder; put the pictures of each class into a folder "
                        "named after it")
    for name, pictures in found.items():
        if not pictures:
            raise UserError(f"class folder {within + name!r} of {root} holds no picture ({', '.join(_PICTURES)}); "
                            "add some or remove the folder")
    return dict(sorted(found.items()))


def pictures_below(root: Path, folder: str) -> list[str]:
    """Paths relative to ``root`` of the pictures below ``folder``, a relative path that ends in a slash; sorted.

    Raises:
        UserError: as :func:`list_pictures`.
    """
    found, waiting = [], [folder]
    while waiting:  # and no recursion: folders may be nested without end
        within = waiting.pop()
        for entry in entries_in(root / within):
            if _is_folder(entry):
                waiting.append(f"{within}{entry.name}/")
            elif _is_picture(root, entry):
                found.append(within + entry.name)
    return sorted(found)


def _is_folder(entry: os.DirEntry) -> bool:
    if entry.is_symlink() and entry.is_dir():
        raise UserError(f"{entry.path!r} is a link to a folder; put the folder itself in its place")
    return entry.is_dir(follow_symlinks=False)


def _is_picture(root: Path, entry: os.DirEntry) -> bool:
    if not entry.name.lower().endswith(_PICTURES):
        return False
    if entry.is_symlink():
        inside(root, os.path.relpath(entry.path, root))
    elif not entry.is_file():
        raise UserError(f"{entry.path!r} is neither a file nor a folder; remove it")
    return True
