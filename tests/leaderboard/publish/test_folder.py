"""A site in a folder: united, whole at every moment, and nobody else's folder."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from partbench.errors import UserError
from partbench.leaderboard import Store
from partbench.leaderboard.publish import folder as folders
from partbench.leaderboard.publish import publish_results

LATE = datetime(2026, 1, 3, tzinfo=UTC)  # a day after the results of others


def test_a_second_publish_changes_nothing(results, tmp_path, whole):
    out, site = results("a", {"ab": 0.7}), tmp_path / "site"
    assert publish_results(out, site).change.rows == 1
    before = site.stat().st_ino
    assert not publish_results(out, site).change.files
    assert site.stat().st_ino == before
    assert whole(site)


def test_publishers_one_after_the_other_leave_the_same_site_in_either_order(results, tmp_path, values, whole):
    one, other = results("a", {"ab": 0.7, "cd": 0.5}), results("b", {"ef": 0.6, "cd": 0.4}, finished_at=LATE)
    sites = []
    for order, name in (((one, other), "x"), ((other, one), "y")):
        published = [publish_results(out, tmp_path / name) for out in order]
        assert len(published[-1].change.clashes) == 1
        assert whole(tmp_path / name)
        sites.append({path.relative_to(tmp_path / name): path.read_bytes()
                      for path in (tmp_path / name).rglob("*") if path.is_file()})
    assert sites[0] == sites[1]
    assert values(tmp_path / "x") == {"ab": 0.7, "cd": 0.5, "ef": 0.6}


def test_publishers_at_once_keep_both(results, tmp_path, values):
    outs = [results(name, {run: 0.5}) for name, run in (("a", "ab"), ("b", "cd"), ("c", "ef"))]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda out: publish_results(out, tmp_path / "site"), outs))
    assert set(values(tmp_path / "site")) == {"ab", "cd", "ef"}


def test_a_dry_run_says_what_would_change_and_writes_nothing(results, tmp_path):
    out = results("a", {"ab": 0.7})
    before = sorted(tmp_path.rglob("*"))
    change = publish_results(out, tmp_path / "site", dry_run=True).change
    assert change.rows == 1
    assert "index.html" in change.files.added
    assert sorted(tmp_path.rglob("*")) == before


def test_without_an_exchange_of_names_the_old_site_is_aside_for_a_moment_and_comes_back(
        results, tmp_path, values, whole, monkeypatch):
    monkeypatch.setattr(folders, "_exchange", lambda one, other: False)
    site = tmp_path / "site"
    publish_results(results("a", {"ab": 0.7}), site)
    site.rename(tmp_path / ".site.partbench-old")  # killed between the two renames
    publish_results(results("a", {"cd": 0.7}), site)
    assert set(values(site)) == {"ab", "cd"}
    assert whole(site)
    assert not (tmp_path / ".site.partbench-old").exists()


def test_files_that_others_put_into_the_site_stay(results, tmp_path):
    site = tmp_path / "site"
    publish_results(results("a", {"ab": 0.7}), site)
    (site / "CNAME").write_text("example.org")
    (site / "later").symlink_to("CNAME")
    publish_results(results("a", {"cd": 0.7}), site)
    assert (site / "CNAME").read_text() == "example.org"
    assert (site / "later").is_symlink()


def test_the_site_is_readable_by_a_web_server(results, tmp_path):
    publish_results(results("a", {"ab": 0.7}), tmp_path / "site")
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "site").stat().st_mode & 0o777 == 0o777 & ~umask


@pytest.mark.parametrize(("make", "said"), [
    (lambda site: site.write_text("x"), "is a file"),
    (lambda site: (site.mkdir(), (site / "mine.txt").touch()), "something that partbench did not publish"),
    (lambda site: (site.mkdir(), (site / "partbench-site.json").write_text("{")), "cannot read partbench-site.json"),
    (lambda site: (site.mkdir(), (site / "partbench-site.json").write_text('{"partbench_site": 9, "files": []}')),
     "another partbench"),
    (lambda site: (site.mkdir(), (site / "partbench-site.json").write_text('{"partbench_site": 1, "files": []}')),
     "cannot read data/leaderboard.parquet"),
])
def test_a_folder_that_is_no_site_is_left_alone(results, tmp_path, make, said):
    site = tmp_path / "site"
    make(site)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    out = results("a", {"ab": 0.7})
    with pytest.raises(UserError, match=said) as error:
        publish_results(out, site)
    assert "\n" not in str(error.value)
    assert before.items() <= {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}.items()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_torn_published_rows_are_never_thrown_away(results, tmp_path):
    site = tmp_path / "site"
    publish_results(results("a", {"ab": 0.7}), site)
    board = site / "data" / "leaderboard.parquet"
    board.unlink()
    board.write_bytes(b"PAR1 torn")
    with pytest.raises(UserError, match="bring back an earlier version"):
        publish_results(results("a", {"cd": 0.7}), site)
    assert board.read_bytes() == b"PAR1 torn"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_line(results, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o555)
    with pytest.raises(UserError, match="permission denied"):
        publish_results(results("a", {"ab": 0.7}), tmp_path / "closed" / "site")


def test_no_results_no_site(tmp_path):
    with pytest.raises(UserError, match="no results"):
        publish_results(tmp_path / "none", tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_published_folder_is_a_folder_of_results(results, tmp_path, values):
    publish_results(results("a", {"ab": 0.7}), tmp_path / "one")
    publish_results(Path(tmp_path, "one", "data"), tmp_path / "two")
    assert values(tmp_path / "two") == {"ab": 0.7}
    assert Store(tmp_path / "two" / "data").current()[1] == []
