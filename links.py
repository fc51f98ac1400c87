"""Links in a folder of results that somebody else made: nothing is written where they lead."""

import os
from pathlib import Path

from .errors import UserError


def inside(folder: str | os.PathLike, *parts: str) -> Path:
    """``folder/parts``, which may be there or not.

    The folder itself may be a link, as people put results on another disk; a link in it may lead to another place in
    it.

    Raises:
        UserError: a link leads out of the folder.
    """
    path, home = Path(folder, *parts), os.path.realpath(folder)
    if os.path.commonpath([home, os.path.realpath(path)]) != home:
        raise UserError(f"{path} leads out of {folder} by a link; put the folder itself there, or make all of the "
                        "results a link")
    return path


def without_links_out(folder: str | os.PathLike, *parts: str) -> Path:
    """As :func:`inside`, with everything that lies directly in that folder.

    Raises:
        UserError: a link leads out of ``folder``.
    """
    path = inside(folder, *parts)
    if path.is_dir():
        for entry in os.scandir(path):
            if entry.is_symlink():
                inside(folder, *parts, entry.name)
    return path
