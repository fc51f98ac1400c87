"""``publish_results``: merge a folder of results into a published site."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ...datasets import registry as datasets
from ...errors import UserError
from ...methods.catalogue import registry as methods
from ...metrics import registry as metrics
from ..files import Folder
from .compose import Change, DrawSweeps, Own, compose
from .folder import publish_to_folder
from .gather import gather
from .git import without_credentials
from .machine import Machine
from .remote import is_remote, publish_to_remote
from .sanitise import Sanitiser


@dataclass(frozen=True)
class Published:
    """What a publish did, or would do.

    Attributes:
        where: the site, in words.
        change: what changed.
        skipped: what of the results was skipped, a line each.
    """

    where: str
    change: Change
    skipped: list[str]


def publish_results(out: str | os.PathLike, to: str | os.PathLike, branch: str = "gh-pages", with_images: bool = False,
                    message: str | None = None, dry_run: bool = False,
                    draw_sweeps: DrawSweeps = lambda data: []) -> Published:
    """Merge the results in ``out`` into the site at ``to``, and draw all its pages again.

    What is published already stays: rows are united (see :mod:`.union`), whoever publishes first. The site changes in
    one step. Nothing of it tells paths, users, hosts or values of the environment of this machine.

    Args:
        out: folder of results.
        to: folder of the site, or a git remote.
        branch: of the remote; made where there is none.
        with_images: with pictures of data sets that may not be redistributed.
        message: of the commit; says what is new by default.
        dry_run: find out what would change, and change nothing.
        draw_sweeps: draws pages of searches in a folder of results.

    Raises:
        UserError: there are no results, ``to`` is neither empty nor a published site, or it cannot be written.
    """
    if message is not None and not message.strip():
        raise UserError("an empty --message; say what is new, or leave it out")
    to = os.fspath(to)
    remote = is_remote(to)
    keep = (*methods.names(), *datasets.names(), *metrics.names())
    with tempfile.TemporaryDirectory(prefix="partbench-") as work:
        own = Path(work, "own")
        frame, skipped = gather(Folder(out), own, Sanitiser(Machine.here(), keep), with_images)

        def next_site(old: Path | None, new: Path, where: str) -> Change:
            return compose(old, Own(frame, own), new, where, draw_sweeps)

        if remote:
            change = publish_to_remote(to, branch, next_site, lambda found: message or _message(found), dry_run)
            return Published(f"branch {branch} of {without_credentials(to)}", change, skipped)
        return Published(to, publish_to_folder(Path(to).expanduser(), next_site, dry_run), skipped)


def _message(change: Change) -> str:
    rows = f"{change.rows:,} new row{'s' * (change.rows != 1)}" if change.rows else "The same rows, drawn again"
    return f"{rows}; {change.total:,} in all"
