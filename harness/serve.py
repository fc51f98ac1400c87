"""The report on this machine's own address, built again when rows arrive while runs are under way.

Only this machine can reach it, only with GET and HEAD, and only files of the report and pages beside it that it links
to: no listing of a folder, nothing outside, also not by a link. A request that names another host is refused:
otherwise a page on the web whose name is made to point here could read the report in the user's browser.
"""

import logging
import os
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from ..errors import UserError
from ..leaderboard.files import Folder
from ..leaderboard.names import digest
from .site import build

logger = logging.getLogger(__name__)
HOST = "127.0.0.1"
_POLL = 1.0  # seconds between two looks at the results
_SCRIPT = b'<script src="/serve.js" defer></script>\n</head>'
_WATCHED = ("rows", "audit")
_BESIDE = ("audit", "explained")  # folders of pages that the report's pages link to


def serve_report(out: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the report until Ctrl-C.

    Args:
        out: folder of results, on this machine.
        port: 0 for any that is free.
        say: prints a line.

    Raises:
        UserError: there are no results, they are not on this machine, or the port is taken.
    """
    if not Folder(out).local:
        raise UserError(f"'{out}' is not on this machine; --serve watches a local folder")
    site = Site(out, say)
    with site_server(site, port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        say(f"report: http://{HOST}:{server.server_port}/ (Ctrl-C ends)")
        try:
            site.watch(threading.Event())
        except KeyboardInterrupt:
            say("stopped")
        finally:
            server.shutdown()


class Site:
    """The pages of a folder of results; ``version`` is another word whenever they are built.

    Raises:
        UserError: there are no results.
    """

    def __init__(self, out: str, say: Callable[[str], None]):
        self.root = Path(out, "report").absolute()
        self._out, self._say = out, say
        self._seen = self._stamp()
        self._build()

    def watch(self, ended: threading.Event) -> None:
        """Build the pages again whenever results have come and none came in the last second."""
        waiting = self._seen
        while not ended.wait(_POLL):
            now = self._stamp()
            # While runs end one after the other, what came is drawn when it is quiet for a moment.
            if now != self._seen and now == waiting:
                self._seen = now
                try:
                    self._build()
                except UserError as error:
                    self._say(f"warning: not built again: {error}")
            waiting = now

    def _stamp(self) -> str:
        folder = Folder(self._out)
        sweeps = sorted(str(path.stat().st_mtime_ns) for path in Path(self._out).glob("sweeps/*/*.log"))
        return "/".join([*(digest(folder.list(name, "")) for name in _WATCHED), *sweeps])

    def _build(self) -> None:
        for problem in build(self._out)[1]:
            self._say(f"warning: {problem}")
        self.version = uuid4().hex


def site_server(site: Site, port: int) -> ThreadingHTTPServer:
    """A server of a site on the loopback address; close it when done.

    Raises:
        UserError: the port is taken, or not for this user.
    """
    try:
        return _Server((HOST, port), lambda *request: _Handler(*request, site=site))
    except OSError as error:
        raise UserError(f"cannot listen on port {port}: {error.strerror}; give another --port, or 0 for any that is "
                        "free") from error


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.debug("a request ended early", exc_info=True)  # browsers close connections whenever they like


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *request: Any, site: Site):
        self._site = site
        super().__init__(*request, directory=os.fspath(site.root))

    def send_head(self) -> Any:
        """What GET and HEAD answer."""
        port = self.server.server_port
        if self.headers.get("Host", "").lower() not in (f"{HOST}:{port}", f"localhost:{port}"):
            return self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
        path = unquote(urlsplit(self.path).path, errors="replace")
        if path == "/serve.js":
            return self._answer(files(__package__).joinpath("assets", "serve.js").read_bytes(), "text/javascript")
        if path == "/version":
            return self._answer(self._site.version.encode(), "text/plain")
        found = self._file("index.html" if path == "/" else path.lstrip("/"))
        if found is None:
            return self._refuse(HTTPStatus.NOT_FOUND)
        content = found.read_bytes()
        if found.suffix == ".html":
            content = content.replace(b"</head>", _SCRIPT, 1)
        return self._answer(content, self.guess_type(os.fspath(found)))

    def _file(self, name: str) -> Path | None:
        """A file of the report; None for anything else, whichever way it is asked for."""
        beside = name.partition("/")[0] in _BESIDE
        root = (self._site.root.parent / name.partition("/")[0] if beside else self._site.root).resolve()
        try:
            found = (root / (name.partition("/")[2] if beside else name)).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):  # not there, a NUL in its name, links in a circle
            return None
        return found if found.is_file() and found.is_relative_to(root) else None

    def _answer(self, content: bytes, kind: str) -> Any:
        from io import BytesIO

        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return BytesIO(content)

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_error(status)

    def end_headers(self) -> None:
        """Every answer is of now, and of the kind that it says."""
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        logger.debug(format, *arguments)
