"""What readers ask of a data set's folder, file names and classes before they open a picture."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from ..errors import UserError
from .cards.base import DatasetCard


def data_folder(root: Path | str, card: DatasetCard, holds: Iterable[str], inside: Iterable[str] = ()) -> Path:
    """The absolute folder of a data set: workers that read it run elsewhere.

    Args:
        holds: what must be there, relative paths.
        inside: folders that an archive unpacks into, for the message to those who gave the folder above.

    Raises:
        UserError: no such folder, or something is missing there.
    """
    root = Path(root).expanduser().absolute()
    if not root.is_dir():
        raise UserError(f"no {card.title} at {root}: {'not a folder' if root.exists() else 'no such folder'}; give "
                        f"--data-root or set PARTBENCH_DATA (its folder '{card.name}' is read); the folder holds "
                        f"{card.layout}")
    missing = [name for name in holds if not (root / name).exists()]
    for inner in inside if missing else ():
        if all((root / inner / name).exists() for name in missing):
            raise UserError(f"{root} holds no {missing[0]}, but {root / inner} does; give that one as --data-root")
    if missing:
        raise UserError(f"{root} lacks {', '.join(missing)}; a {card.title} folder holds {card.layout}")
    return root


def names_in(folder: Path) -> set[str]:
    """Names of the files and folders in a folder, without hidden ones (macOS leaves '._*' in archives).

    Raises:
        UserError: no folder, or one that cannot be read.
    """
    try:
        return {entry.name for entry in os.scandir(folder) if not entry.name.startswith(".")}
    except OSError as error:
        raise UserError(f"folder {folder} cannot be read ({error.strerror}); mend folder or permissions") from None


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
