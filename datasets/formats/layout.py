"""What readers ask of a data set's folder, file names and classes before they open a picture."""

import os
from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path, PurePosixPath
from shlex import quote
from stat import S_ISDIR

import numpy as np

from ...errors import UserError
from ..cards.base import DatasetCard


def data_folder(root: Path | str, card: DatasetCard, holds: Sequence[str], inside: Iterable[str] = ()) -> Path:
    """The absolute folder of a data set: workers that read it run elsewhere.

    Args:
        holds: what must be there, relative paths.
        inside: folders that an archive unpacks into, for the message to those who gave the folder above.

    Raises:
        UserError: no such folder, something is missing there, or we are not allowed to look.
    """
    root = Path(os.path.expanduser(root)).absolute()
    if not is_folder(root):
        wrong = "not a folder" if is_there(root) else "no such folder"
        raise UserError(f"no {card.title} at {root}: {wrong}; {_whence(card, root)}")
    missing = [name for name in holds if not is_there(root / name)]
    for inner in inside if missing else ():
        if all(is_there(root / inner / name) for name in missing):
            raise UserError(f"{root} holds no {missing[0]}, but {root / inner} does; give that one as --data-root")
    if missing and len(missing) == len(holds):
        raise UserError(f"no {card.title} at {root}: it lacks {', '.join(missing)}; {_whence(card, root)}")
    if missing:
        raise UserError(f"{root} lacks {', '.join(missing)}; a complete {card.title} folder holds {card.layout}")
    return root


def _whence(card: DatasetCard, root: Path) -> str:
    """How to come by a data set that is not at ``root``."""
    if card.source is None:
        return f"give a folder as --data-root that holds {card.layout}"
    if not card.source.archives:
        return (f"give its folder as --data-root, or get it from {card.source.page}; to see how: "
                f"harness data get {card.name}")
    elsewhere = "" if root == card.folder().absolute() else f" --to {quote(str(root))}"
    return f"give its folder as --data-root, or fetch it: harness data get {card.name}{elsewhere}"


def is_there(path: Path) -> bool:
    """Whether there is a file or folder.

    Raises:
        UserError: we are not allowed to look.
    """
    return _mode(path) is not None


def is_folder(path: Path) -> bool:
    """Whether there is a folder.

    Raises:
        UserError: we are not allowed to look.
    """
    return S_ISDIR(_mode(path) or 0)


def _mode(path: Path) -> int | None:
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a null byte in the name
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be looked at ({error.strerror}); mend the path or the permissions of the "
                        "folders above it") from None


def entries_in(folder: Path | str) -> list[os.DirEntry]:
    """What a folder holds, by name, without hidden entries and what macOS leaves in archives ('._*', '__MACOSX').

    Raises:
        UserError: no folder, one that cannot be read, or a name in it that is not UTF-8 text.
    """
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".") and entry.name != "__MACOSX"]
        for entry in found:
            entry.is_dir()  # fails here, and not where it is used, for a link that leads round in a circle
    except OSError as error:
        raise UserError(f"folder {error.filename or folder} cannot be read ({error.strerror}); mend folder or "
                        "permissions") from None
    for entry in found:
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            raise UserError(f"file name {os.fsencode(entry.path)!r} is not UTF-8 text; rename it") from None
    return sorted(found, key=attrgetter("name"))


def names_in(folder: Path) -> set[str]:
    """Names of what :func:`entries_in` finds."""
    return {entry.name for entry in entries_in(folder)}


def leads_outside(name: str) -> bool:
    """Whether a path from an annotation file is absolute, or has '..', a backslash, a colon (a drive on other
    systems) or a null byte."""
    path = PurePosixPath(name)
    return not name or path.is_absolute() or ".." in path.parts or bool(set("\\:\0") & set(name))


def safe_name(name: str, where: str) -> str:
    """A relative path from an annotation file.

    Raises:
        UserError: it :func:`leads_outside`.
    """
    if leads_outside(name):
        raise UserError(f"{where}: path {name[:80]!r} may lead outside the data set; write it relative, without '..'")
    return name


def require_unique(ids: Sequence[str], where: str) -> None:
    """An error at the first id that stands in ``ids`` twice."""
    seen: set[str] = set()
    for i in ids:
        if i in seen:
            raise UserError(f"{where}: image {i} is listed twice; keep one of the rows")
        seen.add(i)


def require_split(classes: Sequence[str], labels: np.ndarray, train: np.ndarray, where: str) -> None:
    """An error unless there are test images, and every class has a training image.

    Args:
        labels: int [N], 0 .. C-1.
        train: bool [N], of the training or the validation set.
    """
    if train.all():
        raise UserError(f"{where} leaves no test image; take the files from the official release")
    untrained = np.setdiff1d(np.arange(len(classes)), labels[train])
    if len(untrained):
        raise UserError(f"{where}: class '{classes[untrained[0]]}' has no training image; give it one or remove the "
                        "class")
