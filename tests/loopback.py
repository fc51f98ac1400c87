"""A web server on this machine that misbehaves when told to."""

import re
import socket
import struct
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import unquote


class Server(ThreadingHTTPServer):
    """Serves ``files``, with ranges and entity tags; each request takes one of ``faults`` from the front.

    Attributes:
        files: content by name.
        faults: ``"truncate"`` (half of what was promised, then the end), ``"reset"`` (the same, then a reset),
            ``"stall"`` (half, then nothing until ``resume`` is set), ``"no range"``, ``"no tag"``, ``"deaf"`` (a range
            whatever If-Range says), ``"chunked"`` (cut off), a status, or an address to redirect to. None for none.
        requests: (name, Range header or None) of each request.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.faults: list[str | int | None] = []
        self.requests: list[tuple[str, str | None]] = []
        self.resume = Event()
        Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.resume.set()
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed, or has heard enough."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name, asked = unquote(self.path.strip("/")), self.headers["Range"]
        self.server.requests.append((name, asked))
        fault = self.server.faults.pop(0) if self.server.faults else None
        if isinstance(fault, int) or name not in self.server.files:
            return self._say(fault or 404, {"Content-Length": "0"})
        if fault and ":" in fault:
            return self._say(302, {"Location": fault, "Content-Length": "0"})
        content = self.server.files[name]
        tag = f'"{md5(content).hexdigest()}"'
        tags = {} if fault == "no tag" else {"ETag": tag}
        if asked and fault != "no range" and (fault == "deaf" or self.headers["If-Range"] in (None, tag)):
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= len(content):
                return self._say(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
            tags["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return self._send(206, content[start:], tags, fault)
        return self._send(200, content, tags, fault)

    def _send(self, status: int, content: bytes, headers: dict[str, str], fault: str | None) -> None:
        half = content[:len(content) // 2]
        if fault == "chunked":
            self.protocol_version = "HTTP/1.1"
            self._say(status, headers | {"Transfer-Encoding": "chunked"})
            self.wfile.write(b"%x\r\n%s\r\n" % (len(half), half))
            return
        self._say(status, headers | {"Content-Length": str(len(content))})
        self.wfile.write(half if fault in ("truncate", "reset", "stall") else content)
        if fault == "stall":
            self.server.resume.wait(60)
        if fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def _say(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""
