"""The git command line, for one throw-away repository: no shell, no prompt, no hook, no setting that changes bytes."""

import os
import re
import subprocess
from pathlib import Path

from ...errors import UserError

_SETTINGS = ("protocol.ext.allow=never", "core.hooksPath=/dev/null", "core.autocrlf=false", "core.symlinks=false",
             "core.excludesFile=/dev/null", "core.attributesFile=/dev/null", "commit.gpgSign=false", "gc.auto=0",
             "maintenance.auto=false", "http.lowSpeedLimit=1", "http.lowSpeedTime=120", "user.name=partbench",
             "user.email=partbench@users.noreply.invalid")
_CREDENTIALS = re.compile(r"(\w+://)[^/@\s']*@")
_LINE = re.compile(r"^(?:fatal|error|remote|ssh): *(.+)$|^(?!hint:|To |warning:)(\S.*)$", re.MULTILINE)
_PROMPT = re.compile(r"could not read (Username|Password)|terminal prompts disabled|Authentication failed|"
                     r"Permission denied|Host key verification failed", re.IGNORECASE)
_MISSING = re.compile(r"not appear to be a git repository|does not exist|not found|Could not resolve host|"
                      r"unable to (connect|access)|Connection (refused|timed out)|No such file", re.IGNORECASE)
_REJECTED = re.compile(r"\[(remote )?rejected\].*(fetch first|non-fast-forward|cannot lock ref|failed to update ref|"
                       r"stale info|already exists|incorrect old value)", re.IGNORECASE)
_FOREIGN = "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_COMMON_DIR"


class Rejected(Exception):
    """Somebody else has published meanwhile."""


class Repository:
    """A bare repository in ``folder``, which holds one commit of a branch of ``remote`` and the next one.

    Raises:
        UserError: there is no git, or the branch's name cannot be one.
    """

    def __init__(self, folder: Path, remote: str, branch: str):
        self._folder, self._remote, self._ref = folder, remote, f"refs/heads/{branch}"
        self._git("init", "--quiet", "--bare", "--", str(folder), bare=False)
        if branch.startswith("-") or self._ended("check-ref-format", self._ref).returncode:
            raise UserError(f"'{branch}' cannot be a branch; see: git help check-ref-format")

    def fetch(self) -> str | None:
        """The newest commit of the branch; None where there is no such branch yet.

        Raises:
            UserError: there is no such remote, or it lets nobody in.
        """
        if not self._git("ls-remote", "--", self._remote, self._ref):
            return None
        self._git("fetch", "--quiet", "--depth=1", "--no-tags", "--", self._remote, self._ref)
        return self._git("rev-parse", "FETCH_HEAD")

    def check_out(self, commit: str, into: Path) -> None:
        """Write the files of a commit into a new folder."""
        into.mkdir()
        self._git("read-tree", commit, tree=into)
        self._git("checkout-index", "--all", "--force", tree=into)

    def commit(self, files: Path, parent: str | None, message: str) -> str:
        """Commit all the files in a folder; nobody's name stands in it, and times are in UTC."""
        self._git("read-tree", "--empty", tree=files)
        self._git("add", "--all", "--force", "--", ".", tree=files)
        tree = self._git("write-tree", tree=files)
        return self._git("commit-tree", *(["-p", parent] if parent else []), "-F", "-", tree, given=message)

    def push(self, commit: str) -> None:
        """Move the remote's branch forward to a commit.

        Raises:
            Rejected: somebody else did that first.
            UserError: the remote refuses.
        """
        ended = self._ended("push", "--quiet", "--", self._remote, f"{commit}:{self._ref}")
        if ended.returncode and _REJECTED.search(ended.stderr):
            raise Rejected
        self._checked(ended)

    def _git(self, *arguments: str, tree: Path | None = None, given: str = "", bare: bool = True) -> str:
        return self._checked(self._ended(*arguments, tree=tree, given=given, bare=bare)).stdout.strip()

    def _ended(self, *arguments: str, tree: Path | None = None, given: str = "",
               bare: bool = True) -> subprocess.CompletedProcess:
        where = [f"--git-dir={self._folder}"] if bare else []
        where += [f"--work-tree={tree}"] if tree else []
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        try:
            return subprocess.run(["git", *settings, *where, *arguments], input=given, capture_output=True, text=True,
                                  encoding="utf-8", errors="replace", check=False, cwd=tree, env=_environment())
        except FileNotFoundError:
            raise UserError("git is not installed; install it, or publish to a folder") from None

    def _checked(self, ended: subprocess.CompletedProcess) -> subprocess.CompletedProcess:
        if ended.returncode == 0:
            return ended
        where, said = without_credentials(self._remote), without_credentials(_told(ended.stderr))
        if _PROMPT.search(ended.stderr):
            raise UserError(f"{where} lets nobody in without a password ({said}); set up an SSH key or a git "
                            "credential helper, see: git help credentials")
        if _MISSING.search(ended.stderr):
            raise UserError(f"cannot reach {where} ({said}); check the address with: git ls-remote")
        raise UserError(f"git cannot publish to {where}: {said}")


def without_credentials(text: str) -> str:
    """Addresses without name and password."""
    return _CREDENTIALS.sub(r"\1", text)


def _told(errors: str) -> str:
    """The first line that says something."""
    found = _LINE.search(errors)
    return " ".join((found[1] or found[2]).split())[:300] if found else "no reason given"


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    return {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=20"} | kept | {
        "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "LC_ALL": "C", "TZ": "UTC",
        "GIT_AUTHOR_NAME": "partbench", "GIT_AUTHOR_EMAIL": "partbench@users.noreply.invalid",
        "GIT_COMMITTER_NAME": "partbench", "GIT_COMMITTER_EMAIL": "partbench@users.noreply.invalid"}
