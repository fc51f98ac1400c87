"""`harness report --serve`: this machine's browsers see the report as it is now, and nothing else."""

import socket
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest

from partbench.errors import UserError
from partbench.harness import serve
from partbench.leaderboard import Row, Store


def _score(out, run_id):
    Store(out).write_scores(run_id, "1a2b", "test", [Row(
        run_id=run_id, method="ivpt", dataset="cub", metric="accuracy", protocol_id="1a2b", value=0.5)])


class Served:
    """A site, and a browser that looks at it."""

    def __init__(self, site, port):
        self.site, self.port = site, port

    def ask(self, path, method="GET", host=None):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"127.0.0.1:{self.port}")
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers


@contextmanager
def _serving(site):
    with serve.site_server(site, 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Served(site, server.server_port)
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    out = tmp_path_factory.mktemp("results")
    _score(out, "ab")
    (out / "secret.txt").write_text("secret")
    (out / "explained").mkdir()
    (out / "explained" / "ab.html").write_text("<head></head>explained")
    site = serve.Site(str(out), print)
    (out / "report" / "link.txt").symlink_to(out / "secret.txt")
    (out / "report" / "a b.txt").write_text("named")
    with _serving(site) as served:
        yield served


def test_pages_are_served_with_the_script_that_looks_for_new_ones(served):
    status, page, headers = served.ask("/")
    assert status == 200
    assert page.count(b'<script src="/serve.js" defer></script>') == 1
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert b"/version" in served.ask("/serve.js")[1]
    assert served.ask("/a%20b.txt?x#y")[1] == b"named"
    assert b"explained" in served.ask("/explained/ab.html")[1]
    assert served.ask("/index.html", "HEAD")[1] == b""


@pytest.mark.parametrize("path", [
    "/../secret.txt", "/%2e%2e/secret.txt", "//etc/passwd", "/..%2fsecret.txt", "/link.txt", "/data/", "/pictures",
    "/explained/", "/explained/../secret.txt", "/explained/../../results/secret.txt", "/%00", "/none.html",
    "/rows/ab.1a2b.parquet", "/" + "x" * 5000,
])
def test_nothing_but_files_of_the_report_is_served(served, path):
    status, content, _ = served.ask(path)
    assert status == 404
    assert b"secret" not in content.replace(path.encode(), b"")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "localhost.evil.example:80"])
def test_a_request_for_another_host_is_refused(served, host):
    assert served.ask("/", host=host or " ")[0] == 421


def test_only_get_and_head(served):
    assert served.ask("/", "POST")[0] == 501
    assert served.ask("/", "DELETE")[0] == 501


def test_only_this_machine_is_listened_to(served):
    with serve.site_server(served.site, 0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_one_line(served):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(UserError, match="give another --port") as error:
            serve.site_server(served.site, taken.getsockname()[1])
        assert "\n" not in str(error.value)


def test_pages_are_drawn_again_when_rows_have_come(tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "_POLL", 0.05)
    _score(tmp_path, "ab")
    site = serve.Site(str(tmp_path), print)
    ended, first = threading.Event(), site.version
    watcher = threading.Thread(target=site.watch, args=[ended])
    watcher.start()
    _score(tmp_path, "cd")
    deadline = time.monotonic() + 60
    while site.version == first and time.monotonic() < deadline:
        time.sleep(0.05)
    drawn = site.version
    time.sleep(0.3)
    ended.set()
    watcher.join()
    assert drawn != first
    assert site.version == drawn  # once, and no more while nothing comes
    assert "cd" in (tmp_path / "report" / "runs.html").read_text()


@pytest.mark.parametrize(("given", "said"), [
    (["--serve"], "no results"), (["--port", "80"], "--serve"), (["--export", "gif"], "png"),
    (["--serve", "--export", "png"], "exclude"),
])
def test_what_cannot_work_is_one_line(harness, tmp_path, given, said):
    ended = harness("report", "--out", tmp_path / "none", *given)
    assert (ended.code, said in ended.err, ended.err.count("\n")) == (2, True, 1)
