"""Results at a URL and their local copy: what moves, what stays, and what is never overwritten."""

from pathlib import Path
from uuid import uuid4

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.errors import UserError
from partbench.harness.results.mirror import Mirror
from partbench.harness.results.place import results_at
from partbench.leaderboard.address import checked_address, without_secrets
from partbench.leaderboard.files import Folder, NameTaken
from partbench.leaderboard.remote_files import RemoteFiles, Unreachable

FILES = st.dictionaries(st.sampled_from(["rows/a.parquet", "rows/b.parquet", "items/a.parquet", "runs/x/log.txt",
                                         "runs/x/checkpoints/epoch-1.json"]), st.binary(max_size=9))


class Site:
    """A URL, and the copies that two machines have of it."""

    def __init__(self, folder: Path):
        self.url = f"memory://{uuid4().hex}/results"
        self.fs = fsspec.filesystem("memory")
        self.here, self.elsewhere = (self.machine(folder / name) for name in ("here", "elsewhere"))

    def machine(self, folder: Path) -> Mirror:
        return Mirror(self.url, folder / "results", folder / "stamps")

    def files(self) -> dict[str, bytes]:
        root = self.url.removeprefix("memory:/")
        return {name.removeprefix(f"{root}/"): self.fs.cat_file(name) for name in self.fs.find(root)}


def files(mirror: Mirror) -> dict[str, bytes]:
    return {file.relative_to(mirror.folder).as_posix(): file.read_bytes()
            for file in mirror.folder.rglob("*") if file.is_file()}


def write(mirror: Mirror, name: str, content: bytes) -> None:
    file = mirror.folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def take(mirror: Mirror) -> None:
    for folder in ("rows", "items", "runs"):
        mirror.pull(folder)


def give(mirror: Mirror) -> None:
    for folder in ("runs", "items", "rows"):
        mirror.push(folder)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@given(FILES, FILES)
@settings(max_examples=30, deadline=None)
def test_what_one_machine_gives_another_takes_and_what_only_it_has_is_kept(tmp_path_factory, first, second):
    site = Site(tmp_path_factory.mktemp("site"))
    for name, content in first.items():
        write(site.here, name, content)
    give(site.here)
    for name, content in second.items():
        write(site.elsewhere, name, content)
    take(site.elsewhere)
    assert files(site.elsewhere) == second | first  # what is there wins
    give(site.elsewhere)
    take(site.here)
    assert files(site.here) == site.files() == second | first


def test_only_what_changed_is_moved(site, monkeypatch):
    write(site.here, "rows/a.parquet", b"one")
    write(site.here, "rows/b.parquet", b"two")
    give(site.here)
    take(site.elsewhere)
    moved = []
    for name in ("read", "write"):
        plain = getattr(RemoteFiles, name)
        monkeypatch.setattr(RemoteFiles, name, lambda self, path, *rest, plain=plain: moved.append(path) or plain(
            self, path, *rest))
    for mirror in (site.here, site.elsewhere):
        give(mirror)
        take(mirror)
    assert moved == []
    write(site.here, "rows/a.parquet", b"three")
    give(site.here)
    take(site.elsewhere)
    assert [path.rpartition("/")[2] for path in moved] == ["a.parquet", "a.parquet"]
    assert files(site.elsewhere)["rows/a.parquet"] == b"three"


def test_what_is_gone_there_goes_here_unless_it_was_changed(site):
    for name in ("rows/a.parquet", "rows/b.parquet"):
        write(site.here, name, b"old")
    give(site.here)
    write(site.here, "rows/b.parquet", b"newer")
    site.fs.rm(site.url, recursive=True)
    take(site.here)
    assert files(site.here) == {"rows/b.parquet": b"newer"}
    give(site.here)
    assert site.files() == {"rows/b.parquet": b"newer"}


def test_a_marker_follows_what_it_stands_for_and_rows_come_last(site, monkeypatch):
    for name in ("rows/a.parquet", "items/a.parquet", "runs/x/checkpoints/e.json", "runs/x/checkpoints/e.safetensors"):
        write(site.here, name, b"content")
    order, plain = [], RemoteFiles.write
    monkeypatch.setattr(RemoteFiles, "write", lambda self, path, *rest: order.append(path.rpartition("/results/")[2])
                        or plain(self, path, *rest))
    site.here.push("")
    assert order == ["runs/x/checkpoints/e.safetensors", "runs/x/checkpoints/e.json", "items/a.parquet",
                     "rows/a.parquet"]


def test_unfinished_files_links_and_names_that_leave_the_folder_do_not_move(site, tmp_path):
    write(site.here, "rows/.a.parquet.tmp", b"half")
    write(site.here, "runs/x/tokens/0.bin", b"many")
    secret = tmp_path / "secret"
    secret.write_text("hush")
    (site.here.folder / "rows" / "link.parquet").symlink_to(secret)
    (site.here.folder / "runs" / "y").symlink_to(tmp_path)
    site.here.push("")
    assert site.files() == {}
    root = site.url.removeprefix("memory:/")
    site.fs.pipe_file(f"{root}/rows/../../../evil", b"evil")
    take(site.elsewhere)
    assert files(site.elsewhere) == {}
    assert not list(tmp_path.rglob("evil"))


def test_an_exact_push_removes_what_is_there_alone(site):
    write(site.here, "runs/x/checkpoints/epoch-1.json", b"1")
    give(site.here)
    (site.here.folder / "runs/x/checkpoints/epoch-1.json").rename(site.here.folder / "runs/x/checkpoints/epoch-2.json")
    site.here.push("runs/x/checkpoints", exactly=True)
    assert set(site.files()) == {"runs/x/checkpoints/epoch-2.json"}


def test_a_remote_that_fails_is_tried_again_and_then_said_in_one_line_without_secrets(site, monkeypatch):
    monkeypatch.setattr("partbench.leaderboard.remote_files.time.sleep", lambda seconds: None)
    fails = iter([True, True, False, *[True] * 9])

    def put(self, path, content, **how):
        if next(fails):
            raise RuntimeError("no answer from https://name:hush@host/bucket?signature=hush")
        self.open(path, "wb", data=content)

    monkeypatch.setattr(type(site.fs), "pipe_file", put)
    write(site.here, "rows/a.parquet", b"row")
    give(site.here)  # at the third try
    assert set(site.files()) == {"rows/a.parquet"}
    write(site.here, "rows/b.parquet", b"row")
    with pytest.raises(Unreachable) as refusal:
        give(site.here)
    assert site.url in str(refusal.value)
    assert "hush" not in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert site.here.unsent("rows") == ["rows/b.parquet"]


def test_a_name_is_written_once_by_one_of_many(site):
    folder = Folder(site.url)
    folder.write(b"first", "leases", "x.1.json", new=True)
    with pytest.raises(NameTaken):
        folder.write(b"second", "leases", "x.1.json", new=True)
    assert site.files() == {"leases/x.1.json": b"first"}


@pytest.mark.parametrize("url", ["s3://key:hush@bucket/x", "s3://hush@bucket/x", "https://host/x?token=hush",
                                 "gs://bucket/x#hush", "s3://a:hush@[bucket/x", "s3://", "memory:///", "s3://b/\0x"])
def test_a_url_with_credentials_or_without_a_folder_is_refused_and_not_repeated(url):
    with pytest.raises(UserError) as refusal:
        checked_address(url)
    assert "hush" not in str(refusal.value)


def test_addresses_are_told_from_paths_and_have_one_scratch_folder_each(monkeypatch, tmp_path):
    monkeypatch.setenv("PARTBENCH_SCRATCH", str(tmp_path))
    assert results_at("file:///data/results").folder == "/data/results"
    assert results_at("results").remote == ""
    one, same, other = (results_at(url) for url in ("s3://b/x", "s3://b/x/", "s3://b/x/rates"))
    assert one == same
    assert one.remote == "s3://b/x"
    assert Path(one.folder).is_relative_to(tmp_path)
    assert one.folder != other.folder
    assert without_secrets("see s3://a:b@c/d and https://e?f=g") == "see s3://c/d and https://e?"
