"""Texts without what tells where they were written: paths, users, hosts, addresses, values of the environment."""

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any
from urllib.parse import unquote, urlsplit

from .machine import Machine

_ELSEWHERE = re.compile(
    r"(?P<url>\b[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>`]*)"
    r"|(?P<quoted>(?P<mark>[\"'`])(?:~[\w.-]*|\.{1,2}|[A-Za-z]:)?[\\/](?:(?!(?P=mark))[^\n<>]){1,1000}(?P=mark))"
    r"|(?P<path>(?:(?<![\w.~%+*)\]}/\\<…-])(?:~[\w.-]*|\.{1,2})?/|/(?:home|Users)/)[^\s\"'`<>|:;,()\[\]{}=&?*!#]+)"
    r"|(?P<windows>(?<!\w)(?:[A-Za-z]:[\\/]|\\\\(?=\w))[^\s\"'`<>|:;,()\[\]{}=&?*!#]+)"
    r"|(?P<encoded>(?:%2[Ff]|%5[Cc])[^\s\"'`<>]+)"
    r"|(?P<mail>[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b)"
    r"|(?P<address>(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])|(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){4,7}[0-9A-Fa-f]{1,4}(?![\w:]))")
_NESTED = 8  # what is left of one place may look like another, as in \\\\a:\\b
_HOMES = {"home", "users"}
_PUBLIC_HOST = re.compile(r"(?:[\w-]+\.)+[A-Za-z]{2,}")
_PRIVATE_DOMAIN = (".local", ".localdomain", ".internal", ".lan", ".corp", ".intranet", ".home", ".private", ".cluster")


class Sanitiser:
    """Takes out of texts what tells of a machine, its user and its network.

    A path becomes its last name, a home folder ``~``; an address on the web loses name, password, port and query, and
    one that is not on the open web its host; what else is found becomes a word that says what it was. Sanitising a
    sanitised text changes nothing. A text that never was on this machine is sanitised by looks alone: names of other
    users and hosts are then not known.

    Args:
        machine: whose names and values are taken out.
        keep: names that are never taken out, such as those of methods.
    """

    def __init__(self, machine: Machine, keep: Iterable[str] = ()):
        kept = {name.lower() for name in keep}
        secrets, values = ({value: f"${name}" for value, name in found.items() if value.lower() not in kept}
                           for found in (machine.secrets, machine.values))
        names = {name.lower(): "[user]" for name in machine.users} | {name.lower(): "[host]" for name in machine.hosts}
        names = {name: shown for name, shown in names.items() if name not in kept}
        # Secrets first, for one may hold what ends a path; other values last, for one may be part of a path.
        self._first = _replacer(secrets, whole=False)
        self._last = _replacer(values, whole=False), _replacer(names, whole=True)
        self.text = lru_cache(maxsize=65_536)(self._text)

    def _text(self, text: str) -> str:
        """``text`` without what tells where it was written."""
        text = self._first(text)
        for _ in range(_NESTED):
            before, text = text, _ELSEWHERE.sub(_shown, text)
            if text == before:
                break
        for replaced in self._last:
            text = replaced(text)
        return text

    def name(self, text: str) -> str:
        """As ``text``, of a name that is part of a file's and has to stay one."""
        clean = self.text(text)
        return text if clean == text else re.sub(r"[^A-Za-z0-9_-]+", "", clean) or "name"

    def tree(self, value: Any) -> Any:
        """Parsed JSON with every text in it sanitised, keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.tree(each) for key, each in value.items()}
        return [self.tree(each) for each in value] if isinstance(value, list) else value

    def document(self, text: str) -> str:
        """JSON, left to the byte as it is where nothing had to be taken out; what is no JSON is taken as text."""
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text)
        cleaned = self.tree(parsed)
        return text if cleaned == parsed else json.dumps(cleaned)


def _replacer(shown: Mapping[str, str], whole: bool) -> Callable[[str], str]:
    """Replaces each key, the longest of those that begin at a place; ``whole``: as words, in small letters or large."""
    if not shown:
        return lambda text: text
    found = "|".join(re.escape(word) for word in sorted(shown, key=len, reverse=True))
    if not whole:
        return partial(re.compile(found).sub, lambda word: shown[word[0]])
    pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{found})(?![A-Za-z0-9])", re.IGNORECASE)
    return partial(pattern.sub, lambda word: shown[word[0].lower()])


def _shown(found: re.Match) -> str:
    kind, text = found.lastgroup, found[0]
    if found["quoted"]:
        return f"{found['mark']}{_last(text[1:-1])}{found['mark']}"
    if kind == "url":
        return _url(text)
    if kind == "encoded":
        return _last(unquote(text))
    if kind == "mail":
        return "[e-mail]"
    return _address(text) if kind == "address" else _last(text)


def _last(path: str) -> str:
    """The last name of a path; ``~`` for a home folder, whose last name is its user's."""
    names = [name for name in re.split(r"[\\/]+", path) if name not in ("", ".", "..")]
    if names and re.fullmatch(r"[A-Za-z]:", names[0]):
        del names[0]
    at_home = len(names) == 2 and names[0].lower() in _HOMES
    if not names or at_home or names[-1].startswith("~"):
        return "~" if names else ""
    return names[-1]


def _url(text: str) -> str:
    """``https://host/path``; the last name alone where that is not on the open web."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return "[address]"
    public = parts.scheme in ("http", "https") and _PUBLIC_HOST.fullmatch(host) and not host.endswith(_PRIVATE_DOMAIN)
    if public:
        return f"{parts.scheme}://{host}{parts.path}"
    return _last(unquote(parts.path)) or "[address]"


def _address(text: str) -> str:
    """An address in the network; four numbers that are none may be a version."""
    try:
        known = ipaddress.ip_address(text)
    except ValueError:
        return text if "." in text else "[address]"
    return text if known.is_loopback or known.is_unspecified else "[address]"
