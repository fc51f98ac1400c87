"""One file from a server that breaks off, forgets, lies or changes its mind."""

from hashlib import md5, sha256

import pytest

from partbench.datasets.download import fetch
from partbench.errors import UserError

CONTENT = bytes(range(256)) * 4000
NEWER = CONTENT[::-1] + b"more"
MD5, SHA = f"md5:{md5(CONTENT).hexdigest()}", f"sha256:{sha256(CONTENT).hexdigest()}"


@pytest.fixture
def get(loopback, tmp_path):
    """Fetch ``data.bin`` and return its bytes; checks that nothing else stays."""
    loopback.files["data.bin"] = CONTENT

    def run(**options):
        fetch(f"{loopback.url}/data.bin", tmp_path / "data.bin", pause=0.001, **options)
        assert [file.name for file in tmp_path.iterdir()] == ["data.bin"]
        return (tmp_path / "data.bin").read_bytes()
    return run


@pytest.mark.parametrize("checksum", [None, MD5, SHA])
@pytest.mark.parametrize("faults", [
    [], ["truncate"], ["reset"], ["chunked"], [500], [503, 429, None], ["reset", "truncate", "reset"],
    ["truncate", "no range"], ["truncate", "deaf"], ["truncate", 416], ["no tag", "truncate"], ["truncate", "no tag"]],
    ids=str)
def test_a_failure_that_passes_is_outlived(faults, checksum, get, loopback):
    loopback.faults += faults
    assert get(checksum=checksum) == CONTENT


def test_only_what_is_missing_is_asked_for_again(get, loopback):
    loopback.faults += ["reset", "truncate"]
    get()
    first, second, third = (asked for _, asked in loopback.requests)
    assert first is None
    assert 0 < int(second[6:-1]) <= len(CONTENT) // 2 < int(third[6:-1])


def test_a_later_call_continues_where_the_first_was_stopped(get, loopback, tmp_path):
    def stop(done, total):
        if done > 300_000:
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        get(progress=stop)
    kept = (tmp_path / "data.bin.part").stat().st_size
    assert kept > 300_000
    assert get() == CONTENT
    assert loopback.requests[-1] == ("data.bin", f"bytes={kept}-")


@pytest.mark.parametrize("server", ["heeds If-Range", "deaf"])
def test_a_file_that_changed_between_two_tries_is_fetched_from_its_beginning(server, get, loopback):
    def change(done, total):
        loopback.files["data.bin"] = NEWER
    loopback.faults += ["truncate", "deaf" if server == "deaf" else None]
    assert get(progress=change) == NEWER


def test_pieces_of_two_releases_are_told_by_the_checksum_where_the_server_has_no_tags(get, loopback):
    def change(done, total):
        loopback.files["data.bin"] = CONTENT
    loopback.files["data.bin"] = NEWER
    loopback.faults += ["no tag", "no tag"]
    with pytest.raises(ZeroDivisionError):
        get(checksum=SHA, progress=lambda done, total: 1 / 0)
    loopback.files["data.bin"] = CONTENT
    assert get(checksum=SHA) == CONTENT
    assert [asked is None for _, asked in loopback.requests] == [True, False, True]


def test_a_part_that_is_complete_only_gets_its_name(get, loopback, tmp_path):
    def stop(done, total):
        if done == total:
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        get(progress=stop)
    assert get(checksum=SHA) == CONTENT
    assert len(loopback.requests) == 2
    assert get(checksum=SHA) == CONTENT
    assert len(loopback.requests) == 2


@pytest.mark.parametrize(("faults", "options", "message"), [
    ([404], {}, r"the server answers 404 .*; open"),
    ([403], {}, r"the server answers 403"),
    ([500] * 5, {}, r"500 .*, 5 times in a row; .* it continues after 0 bytes"),
    (["truncate"] * 60, {"checksum": SHA}, r"ended after \d+ of 1024000 bytes, 5 times in a row"),
    ([], {"checksum": "md5:" + "0" * 32}, r"has md5:\w+ instead of md5:0+; "),
    ([], {"size": 500_000}, r"1024000 bytes, where \d+ are expected; "),
    (["chunked"], {"size": 200_000}, r"bytes, where \d+ are expected; "),
    (["file:///etc/passwd"], {}, r"302"),
    (["ftp://127.0.0.1/x"], {}, r"302|ftp"),
    (["http://127.0.0.1:1/x"] * 5, {}, r"no connection"),
], ids=str)
def test_what_cannot_be_had_is_one_line_and_the_same_call_works_once_it_can(faults, options, message, get, loopback,
                                                                             tmp_path):
    loopback.faults += faults
    with pytest.raises(UserError, match=message) as error:
        get(**options)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "data.bin").exists()
    loopback.faults.clear()
    assert get(checksum=SHA) == CONTENT


def test_a_server_that_sends_to_itself_is_left(get, loopback):
    loopback.faults += [f"{loopback.url}/data.bin"] * 50
    with pytest.raises(UserError, match="infinite loop"):
        get()
    assert len(loopback.requests) <= 11


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://host/x", "/etc/passwd", "http://", "http://h:x/y",
                                     "https://a b/c", "http://\0/x", ""])
def test_only_addresses_of_the_web_are_opened(address, tmp_path):
    with pytest.raises(UserError, match="address"):
        fetch(address, tmp_path / "x")


def test_progress_ends_at_the_size(get):
    told = []
    get(progress=lambda *now: told.append(now))
    assert told == sorted(told)
    assert told[-1] == (len(CONTENT), len(CONTENT))
