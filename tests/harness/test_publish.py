"""The command `harness publish`: what it prints, and how it ends."""

import pytest

from partbench.leaderboard import Row, Store


@pytest.fixture
def results(tmp_path):
    def write(name, value, run_id="ab"):
        Store(tmp_path / name).write_scores(run_id, "1a2b", "test", [Row(
            run_id=run_id, method="ivpt", dataset="cub", metric="accuracy", protocol_id="1a2b", value=value)])
        return tmp_path / name

    return write


def test_publishing_says_what_is_new_and_then_that_nothing_is(harness, results, tmp_path):
    out, site = results("a", 0.7), tmp_path / "site"
    dry = harness("publish", "--out", out, "--to", site, "--dry-run")
    assert (dry.code, site.exists()) == (0, False)
    assert "+ index.html" in dry.out
    assert "would publish: 1 new rows" in dry.out
    done = harness("publish", "--out", out, "--to", site)
    assert (done.code, done.err) == (0, "")
    assert "published: 1 new rows" in done.out
    again = harness("publish", "--out", out, "--to", site)
    assert (again.code, again.out.startswith("up to date")) == (0, True)


def test_a_clash_is_told_and_ends_with_1_each_time(harness, results, tmp_path):
    harness("publish", "--out", results("a", 0.7), "--to", tmp_path / "site")
    for _ in range(2):
        done = harness("publish", "--out", results("b", 0.8), "--to", tmp_path / "site")
        assert done.code == 1
        assert "clash: accuracy of run ab" in done.err


@pytest.mark.parametrize("given", [
    ("--to", "-x"), ("--to", "ext::sh"), ("--to", "s", "--message", " "), ("--to", "/dev/null"), (),
])
def test_what_cannot_work_is_one_line(harness, results, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = harness("publish", "--out", results("a", 0.7), *given)
    assert ended.code == 2
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
