"""What tells this machine and its user: names and values that nothing published may hold."""

import getpass
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Accounts and hosts that half of all machines have tell nobody, and most are words that an error may need.
_EVERYBODYS = {"root", "user", "users", "admin", "administrator", "nobody", "guest", "runner", "ubuntu", "debian",
               "test", "default", "localhost", "localdomain", "host", "home", "docker", "git", "gpu", "cpu", "cuda",
               "python", "torch", "partbench"}
_SHORTEST_NAME, _SHORTEST_VALUE, _SHORTEST_SECRET = 3, 8, 4
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASS|CREDENTIAL|AUTH|PRIVATE|COOKIE|SESSION|SIGNATURE|(^|_)(PW|PWD|PAT)($|_)")
_PATH = re.compile(r"[~/\\]|[A-Za-z]:[\\/]|\.{1,2}/")
_VERSION = re.compile(r"[\d.+-]+\w{0,12}")


@dataclass(frozen=True)
class Machine:
    """Names and values to keep to ourselves.

    Attributes:
        users: names of the user.
        hosts: names of the machine.
        secrets: value -> name, of environment variables that sound like keys and passwords.
        values: value -> name, of the others. Paths are not among them (a path is known by its looks), nor are short
            values and versions: they say nothing of anybody, and every second text holds them.
    """

    users: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    secrets: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def here(cls, environment: Mapping[str, str] = os.environ) -> "Machine":
        """The machine that this process runs on."""
        users = {environment.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")}
        users |= {_account(), Path(os.path.expanduser("~")).name}
        hosts = {environment.get(name, "") for name in ("HOSTNAME", "HOST", "COMPUTERNAME")} | {socket.gethostname()}
        hosts |= {host.partition(".")[0] for host in hosts}
        telling = [(name, value) for name, value in sorted(environment.items(), reverse=True)
                   if _telling(name, value) and value not in users | hosts]
        return cls(_names(users), _names(hosts), {value: name for name, value in telling if _sounds_secret(name)},
                   {value: name for name, value in telling if not _sounds_secret(name)})


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name
        return ""


def _names(found: set[str]) -> frozenset[str]:
    return frozenset(name for name in found if len(name) >= _SHORTEST_NAME and name.lower() not in _EVERYBODYS)


def _sounds_secret(name: str) -> bool:
    return _SECRET.search(name.upper()) is not None


def _telling(name: str, value: str) -> bool:
    if _PATH.match(value) or value.lower() in _EVERYBODYS:
        return False
    if _sounds_secret(name):
        return len(value) >= _SHORTEST_SECRET
    return len(value) >= _SHORTEST_VALUE and not _VERSION.fullmatch(value)
