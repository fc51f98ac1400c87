"""Where results are: a local path, or a URL that fsspec understands. Never with a secret in it."""

import os
import re
from urllib.parse import urlsplit

from ..errors import UserError

_SECRET = re.compile(r"(?<=//)[^/@\s'\"]*@|(?<=[?#])[^\s'\"]+")


def is_url(out: str) -> bool:
    """Whether results are elsewhere than on a file system of this machine."""
    return "://" in out and not out.startswith(("file://", "local://"))


def checked_address(out: str | os.PathLike) -> str:
    """``out`` as it may be printed and kept in files: a URL without a slash at its end, or the path as it is.

    Raises:
        UserError: a URL with a password or a query, either of which would end up in logs and specs; or no URL at all.
    """
    address = os.fspath(out)
    if "\0" in address or "\n" in address:
        raise UserError("the folder of results has a line break or a NUL in its name; choose another --out")
    if "://" not in address:
        return address
    if not is_url(address):
        return address.partition("://")[2]
    try:
        parts = urlsplit(address)
        # A name alone may be a token.
        secret = "@" in parts.netloc or parts.query or parts.fragment
    except ValueError as error:
        raise UserError(f"--out is no URL ({error}); write such as s3://BUCKET/FOLDER") from None
    if secret:
        raise UserError(f"--out {without_secrets(address)}: a name or a password before the host, or a query, would "
                        "end up in logs; give credentials by the environment or by fsspec's configuration")
    if not (parts.netloc + parts.path).strip("/"):
        raise UserError(f"--out {address} names no folder; write such as s3://BUCKET/FOLDER")
    return address.rstrip("/")


def without_secrets(text: str) -> str:
    """A text without what stands before the host of its URLs, and without their queries and fragments."""
    return _SECRET.sub("", text)
