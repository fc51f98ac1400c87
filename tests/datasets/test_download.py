"""One file from a server that breaks off, forgets, lies or changes its mind."""

from hashlib import md5, sha256

import pytest

from partbench.datasets.fetch.download import fetch
from partbench.errors import UserError

CONTENT = bytes(range(256)) * 4000
NEWER = CONTENT[::-1] + b"more"
MD5, SHA = f"md5:{md5(CONTENT).hexdigest()}", f"sha256:{sha256(CONTENT).hexdigest()}"


def stop_after(size):
    """A progress callback at which the user presses Ctrl-C."""
    def progress(done, total):
        if done >= size:
            raise KeyboardInterrupt
    return progress


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
    with pytest.raises(KeyboardInterrupt):
        get(progress=stop_after(300_000))
    kept = (tmp_path / "data.bin.part").stat().st_size
    assert kept >= 300_000
    assert get() == CONTENT
    assert loopback.requests[-1] == ("data.bin", f"bytes={kept}-")


@pytest.mark.parametrize("server", ["heeds If-Range", "deaf"])
def test_a_file_that_changed_between_two_tries_is_fetched_from_its_beginning(server, get, loopback):
    def change(done, total):
        loopback.files["data.bin"] = NEWER
    loopback.faults += ["truncate", "deaf" if server == "deaf" else None]
    assert get(progress=change) == NEWER


def test_pieces_of_two_releases_are_told_by_the_checksum_where_the_server_has_no_tags(get, loopback):
    loopback.files["data.bin"] = NEWER
    loopback.faults += ["no tag", "no tag"]
    with pytest.raises(KeyboardInterrupt):
        get(checksum=SHA, progress=stop_after(100_000))
    loopback.files["data.bin"] = CONTENT
    assert get(checksum=SHA) == CONTENT
    assert [asked is None for _, asked in loopback.requests] == [True, False, True]


def test_a_part_that_is_complete_only_gets_its_name(get, loopback, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        get(progress=stop_after(len(CONTENT)))
    assert get(checksum=SHA) == CONTENT
    assert len(loopback.requests) == 2
    assert get(checksum=SHA) == CONTENT
    assert len(loopback.requests) == 2


REFUSED = {
    "a file that is not there": ([404], {}, r"the server answers 404 .*; open"),
    "a file for others": ([403], {}, r"the server answers 403"),
    "a server that never works": ([500] * 5, {}, r"500 .*, 5 times in a row; .* it continues after 0 bytes"),
    "a server that always breaks off": (["truncate"] * 60, {}, r"ended after \d+ of 1024000 bytes, 5 times in a row"),
    "a host without a server": (["http://127.0.0.1:1/x"] * 5, {}, r"no connection \(Connection refused\), 5 times"),
    "a wrong checksum": ([], {"checksum": "md5:" + "0" * 32}, r"has md5:\w+ instead of md5:0+; "),
    "more than is published": ([], {"size": 500_000}, r"1024000 bytes, where \d+ are expected; "),
    "more than is published, unannounced": (["chunked"], {"size": 200_000}, r"bytes, where \d+ are expected; "),
    "a redirect to a local file": (["file:///etc/passwd"], {}, r"302 .* 'file:///etc/passwd' is not allowed"),
    "a redirect to another protocol": (["ftp://127.0.0.1/x"], {}, r"leads to ftp://127.0.0.1/x, and only http and"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_had_is_one_line_and_the_same_call_works_once_it_can(case, get, loopback, tmp_path):
    faults, options, message = REFUSED[case]
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
