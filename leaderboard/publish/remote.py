"""A site on a branch of a git remote: every publish is one commit on top of the last, and none is ever overwritten."""

import random
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ...errors import UserError
from .compose import Change
from .folder import Compose
from .git import Rejected, Repository, without_credentials

TRIES = 8
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")  # git would run a program of that name
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://|[^/\\:]{2,}:")  # the latter is ssh's host:path
_SCHEMES = ("https", "http", "ssh", "git", "file")


def is_remote(to: str) -> bool:
    """Whether ``to`` is a git remote: an address, ``host:path``, or a folder that is a repository.

    Raises:
        UserError: git would take it for an option, or for a program to run.
    """
    path, address = Path(to).expanduser(), _ADDRESS.match(to)
    if to.startswith("-") or _HELPER.match(to) or (address and (address["scheme"] or "ssh").lower() not in _SCHEMES):
        raise UserError(f"'{without_credentials(to)[:80]}' is no place to publish to; give a folder on this machine or "
                        f"the address of a git remote ({', '.join(_SCHEMES)})")
    bare = all((path / name).exists() for name in ("HEAD", "objects", "refs"))
    return bare or (path / ".git").exists() or (address is not None and not path.exists())


def publish_to_remote(remote: str, branch: str, compose: Compose, message: Callable[[Change], str],
                      dry_run: bool) -> Change:
    """Bring the site on a branch up to date; with ``dry_run`` only find out what that would change.

    Who is overtaken by another publish fetches, merges and tries again.

    Raises:
        UserError: no git, no such remote, it refuses, or the branch holds something else.
    """
    where = f"branch {branch} of {without_credentials(remote)}"
    address = str(Path(remote).expanduser().resolve()) if Path(remote).expanduser().exists() else remote
    with tempfile.TemporaryDirectory(prefix="partbench-") as work:
        repository = Repository(Path(work, "git"), address, branch)
        for attempt in range(TRIES):
            old, new = Path(work, "old"), Path(work, "new")
            for left in (old, new):
                shutil.rmtree(left, ignore_errors=True)
            head = repository.fetch()
            if head:
                repository.check_out(head, old)
            change = compose(old if head else None, new, where)
            if dry_run or not change.files:
                return change
            try:
                repository.push(repository.commit(new, head, message(change)))
            except Rejected:
                time.sleep(random.uniform(0, 0.5 * (attempt + 1)))  # not in step with the other
            else:
                return change
    raise UserError(f"others keep publishing to {where}; the same command tries again")
