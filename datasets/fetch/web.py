"""Addresses of the web, opened: http and https only, and failures told apart by whether they may pass."""

import re
import ssl
from http.client import HTTPException, HTTPResponse, InvalidURL
from socket import gaierror
from urllib import request
from urllib.error import HTTPError
from urllib.parse import urlsplit

from ...errors import UserError

_TIMEOUT = 30.0
"""Seconds without a byte."""
_PASSING = (408, 425, 429, 500, 502, 503, 504)


class Broken(Exception):
    """A failure that may pass."""


class RangeRefused(Broken):
    """The server has no byte where the request wanted to continue; ``total`` is what it has, or None."""

    def __init__(self, total: int | None):
        super().__init__("the server has nothing there to continue with")
        self.total = total


def web_address(url: str) -> str:
    """``url``, if it is an address of the web.

    Raises:
        UserError: another scheme, or no host.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises where it is no number)
    except ValueError as error:
        raise UserError(f"{url!r} is no address: {error}; write https://HOST/FOLDER") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{url!r} is no address of the web; write https://HOST/FOLDER")
    return url


def open_address(url: str, headers: dict[str, str]) -> HTTPResponse:
    """The server's answer to a request for ``url``.

    Redirects lead to the web only, ten at most, and never from https to http.

    Raises:
        Broken: no connection, or the server says that it cannot just now.
        UserError: an address that leads nowhere, a certificate that cannot be trusted, or a refusal.
    """
    headers = {"User-Agent": "partbench", "Accept-Encoding": "identity"} | headers
    try:
        return _opener().open(request.Request(web_address(url), headers=headers), timeout=_TIMEOUT)
    except HTTPError as error:
        error.close()
        raise _refusal(url, error) from None
    except (InvalidURL, UnicodeError) as error:
        raise UserError(f"{url!r} is no address: {error}; mend it") from None
    except (OSError, HTTPException) as error:
        raise _unreachable(url, getattr(error, "reason", error)) from None


def said(reason: object) -> str:
    """An error in a few words, on one line."""
    return " ".join(str(getattr(reason, "strerror", None) or reason).split()) or type(reason).__name__


def _refusal(url: str, error: HTTPError) -> Exception:
    if error.code == 416:
        span = re.fullmatch(r"bytes \*/([0-9]{1,19})", error.headers.get("Content-Range", ""))
        return RangeRefused(int(span[1]) if span else None)
    answer = f"the server answers {error.code} {' '.join(str(error.reason).split())}"
    if error.code in _PASSING:
        return Broken(answer)
    return UserError(f"{url}: {answer}; open the data set's page in a browser, or give --mirror")


def _unreachable(url: str, reason: object) -> Exception:
    if isinstance(reason, gaierror):
        return UserError(f"{url}: no such host; check the network, or give --mirror")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return UserError(f"{url}: the certificate cannot be trusted ({reason.verify_message}); check the machine's "
                         "clock and certificates, or give --mirror")
    return Broken(f"no connection ({said(reason)})")


class _WebOnly(request.HTTPRedirectHandler):
    """Ten redirects at most (the library's limit), to the web only, and not out of an encrypted connection."""

    def redirect_request(self, asked: request.Request, answer: HTTPResponse, code: int, message: str, headers: object,
                         url: str) -> request.Request | None:
        allowed = ("https",) if asked.type == "https" else ("http", "https")
        if urlsplit(url).scheme not in allowed:
            raise UserError(f"{asked.full_url}: the server leads to {url}, and only {' and '.join(allowed)} may "
                            "follow; give another --mirror")
        return super().redirect_request(asked, answer, code, message, headers, url)


def _opener() -> request.OpenerDirector:
    """As ``build_opener``, without file: and ftp:."""
    opener = request.OpenerDirector()
    for handler in (request.ProxyHandler(), request.UnknownHandler(), request.HTTPHandler(), request.HTTPSHandler(),
                    request.HTTPDefaultErrorHandler(), _WebOnly(), request.HTTPErrorProcessor()):
        opener.add_handler(handler)
    return opener
