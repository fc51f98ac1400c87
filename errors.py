"""The one error a user can cause: what is wrong, and how to mend it, on one line."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST, _MOST = 200, 30  # characters of a name, and names, that an error repeats


class UserError(Exception):
    """Something the user can mend. The command line prints it as one line and exits with code 2."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that does not exist: names the nearest one, else lists what there is."""
    known = sorted(known)
    near = get_close_matches(name[:_LONGEST], known, n=1, cutoff=0.5)
    more = f" and {len(known) - _MOST} more" if len(known) > _MOST else ""
    mend = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known[:_MOST]) or 'none'}{more}"
    return UserError(f"unknown {kind} '{name[:_LONGEST]}'; {mend}")
