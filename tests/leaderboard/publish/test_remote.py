"""A site on a branch of a git remote: one commit per change, nothing overwritten, nobody's name."""

import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from partbench.errors import UserError
from partbench.leaderboard.publish import publish_results, remote

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def test_one_commit_for_new_rows_and_none_for_the_same(results, bare, tmp_path, values, whole):
    out = results("a", {"ab": 0.7})
    publish_results(out, bare.path)
    publish_results(out, bare.path)
    assert len(bare.commits) == 1
    results("a", {"cd": 0.6})
    publish_results(out, f"file://{bare.path}", message="Better prototypes")
    assert len(bare.commits) == 2
    assert bare.git("log", "-1", "--format=%s|%an|%cn", "gh-pages") == "Better prototypes|partbench|partbench"
    site = bare.check_out(tmp_path / "site")
    assert whole(site)
    assert set(values(site)) == {"ab", "cd"}


def test_two_publishers_at_once_keep_both(results, bare, tmp_path, values):
    meet, met = threading.Barrier(2), threading.local()

    def both_have_fetched(data):
        if not getattr(met, "once", False):
            met.once = True
            meet.wait(60)
        return []

    outs = [results("a", {"ab": 0.7}), results("b", {"cd": 0.6})]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda out: publish_results(out, bare.path, draw_sweeps=both_have_fetched), outs))
    assert len(bare.commits) == 2
    assert set(values(bare.check_out(tmp_path / "site"))) == {"ab", "cd"}


def test_who_is_overtaken_every_time_gives_up_with_a_line(results, bare, monkeypatch):
    def overtaken(self, commit):
        raise remote.Rejected

    monkeypatch.setattr(remote.Repository, "push", overtaken)
    monkeypatch.setattr(remote, "TRIES", 2)
    with pytest.raises(UserError, match="others keep publishing"):
        publish_results(results("a", {"ab": 0.7}), bare.path)


def test_a_dry_run_leaves_no_branch(results, bare):
    assert publish_results(results("a", {"ab": 0.7}), bare.path, dry_run=True).change.rows == 1
    assert bare.git("branch", "--list") == ""


def test_a_branch_with_something_else_is_left_alone(results, bare, tmp_path):
    tree = bare.git("hash-object", "-t", "tree", "-w", "/dev/null")
    blob = bare.git("hash-object", "-w", "--", __file__)
    tree = subprocess.run(["git", f"--git-dir={bare.path}", "mktree"], input=f"100644 blob {blob}\tmine.py\n",
                          capture_output=True, text=True, check=True).stdout.strip()
    commit = bare.git("-c", "user.name=x", "-c", "user.email=x@y", "commit-tree", "-m", "mine", tree)
    bare.git("update-ref", "refs/heads/gh-pages", commit)
    with pytest.raises(UserError, match="something that partbench did not publish"):
        publish_results(results("a", {"ab": 0.7}), bare.path)
    assert bare.commits == [commit]


@pytest.mark.parametrize(("to", "said"), [
    ("--upload-pack=touch x", "no place to publish to"),
    ("ext::sh -c 'touch x'", "no place to publish to"),
    ("s3://bucket/site", "no place to publish to"),
    ("file:///none/such.git", "cannot reach"),
    ("https://me:hidden@127.0.0.1:1/x.git", "cannot reach https://127.0.0.1:1/x.git"),
])
def test_a_remote_that_is_none_is_one_line_without_its_password(results, to, said, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    out = results("a", {"ab": 0.7})
    with pytest.raises(UserError, match=said) as error:
        publish_results(out, to)
    assert "\n" not in str(error.value)
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize("branch", ["-f", "a..b", ""])
def test_a_branch_that_cannot_be_one_is_one_line(results, bare, branch):
    with pytest.raises(UserError, match="cannot be a branch"):
        publish_results(results("a", {"ab": 0.7}), bare.path, branch)


def test_without_git_it_says_so(results, bare, monkeypatch):
    monkeypatch.setenv("PATH", "/none")
    with pytest.raises(UserError, match="git is not installed"):
        publish_results(results("a", {"ab": 0.7}), bare.path)


def test_a_branch_that_is_checked_out_is_refused_by_git_in_one_line(results, tmp_path):
    work = tmp_path / "work"
    subprocess.run(["git", "init", "--quiet", "--initial-branch=gh-pages", work], check=True)
    with pytest.raises(UserError, match="cannot publish to") as error:
        publish_results(results("a", {"ab": 0.7}), work)
    assert "\n" not in str(error.value)
