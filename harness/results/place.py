"""Where results are: a local folder, or a URL and the scratch folder that is its copy on this machine."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...datasets.remembered import cache_folder
from ...leaderboard.address import checked_address, is_url
from .mirror import Mirror, everything


@dataclass(frozen=True)
class Results:
    """Where results are.

    Attributes:
        folder: local, absolute: workers have a working directory of their own.
        remote: URL that ``folder`` is a copy of; empty where it is no copy.
    """

    folder: str
    remote: str = ""

    @property
    def mirror(self) -> Mirror | None:
        """Keeps the two in step; None where there is only one."""
        return Mirror(self.remote, Path(self.folder), Path(self.folder).with_name("stamps")) if self.remote else None

    def fetch(self, *folders: str, wanted: Callable[[str], bool] = everything) -> None:
        """Bring folders of the copy up to date; nothing to do where there is none.

        Raises:
            UserError: the URL cannot be read.
        """
        if mirror := self.mirror:
            for folder in folders:
                mirror.pull(folder, wanted)

    def send(self, *folders: str, wanted: Callable[[str], bool] = everything, exactly: bool = False) -> None:
        """Copy what is new in folders to the URL, one folder after the other; nothing to do where there is none.

        Args:
            exactly: and remove there what is not here.

        Raises:
            UserError: the URL cannot be written.
        """
        if mirror := self.mirror:
            for folder in folders:
                mirror.push(folder, wanted, exactly)

    def send_finished(self) -> None:
        """Send rows that are here alone, after the items and the folders of their runs.

        Raises:
            UserError: the URL cannot be written.
        """
        if (mirror := self.mirror) and (rows := set(mirror.unsent("rows"))):
            # Only those rows: of one that comes now the items may not be sent yet.
            for folder, wanted in (("runs", everything), ("items", everything), ("rows", rows.__contains__)):
                mirror.push(folder, wanted)


def results_at(out: str | os.PathLike) -> Results:
    """Where ``--out`` is: the scratch folder of a URL is named by its digest.

    It lies under ``$PARTBENCH_SCRATCH``, else under ``results`` in ``$PARTBENCH_CACHE``, else in
    ``~/.cache/partbench``.

    Raises:
        UserError: a URL that holds credentials, or none.
    """
    address = checked_address(out)
    if not is_url(address):
        return Results(str(Path(address).absolute()))
    scratch = os.environ.get("PARTBENCH_SCRATCH")
    within = Path(scratch).expanduser() if scratch else cache_folder() / "results"
    digest = hashlib.sha256(address.encode()).hexdigest()[:16]
    return Results(str(within.absolute() / digest / "results"), address)


def results_as_given(out: str | os.PathLike) -> Results:
    """As :func:`results_at`, with the name of a local folder as the user gave it: it is shown to them."""
    address = checked_address(out)
    return results_at(address) if is_url(address) else Results(address)
