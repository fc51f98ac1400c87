"""Of two files of one name the same one is published in whatever order they come."""

import itertools

import pandas as pd
import pytest

from partbench.leaderboard.publish.choose import chosen
from partbench.leaderboard.publish.rows import empty


@pytest.fixture
def files(tmp_path):
    def write(place, **content):
        found = {}
        for name, text in content.items():
            path = tmp_path / place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
            found[name.replace("__", "/").replace("_DOT_", ".")] = path
        return found
    return write


def _content(found):
    return {name: path.read_bytes() for name, path in found.items()}


def _told(*sources):
    known, clashes = {}, []
    for own in sources:
        known, more = chosen(known, own, empty())
        clashes += more
    return _content(known), clashes


def test_a_search_that_went_on_replaces_what_was_published_and_a_fork_is_told(files):
    short = files("a", sweeps__s__ivpt_DOT_log=b"1\n", sweeps__s__ivpt_DOT_request_DOT_json=b"{}")
    longer = files("b", sweeps__s__ivpt_DOT_log=b"1\n2\n", sweeps__s__ivpt_DOT_request_DOT_json=b'{"more": 1}')
    fork = files("c", sweeps__s__ivpt_DOT_log=b"3\n4\n5\n")
    for order in itertools.permutations((short, longer)):
        assert _told(*order) == (_content(longer), [])
    for order in itertools.permutations((short, longer, fork)):
        found, clashes = _told(*order)
        assert found == _content(fork)
        assert clashes


def test_the_two_files_of_an_explanation_stay_together(files):
    one = files("a", runs__ab__explanations_DOT_json=b"1", runs__ab__explanations_DOT_safetensors=b"2")
    other = files("b", runs__ab__explanations_DOT_json=b"3", runs__ab__explanations_DOT_safetensors=b"4")
    spec = files("c", runs__ab__spec_DOT_json=b"{}")
    ways = [_told(*order)[0] for order in itertools.permutations((one, other, spec))]
    assert all(way == ways[0] for way in ways)
    assert ways[0] in ({**_content(one), **_content(spec)}, {**_content(other), **_content(spec)})


def test_items_go_with_the_scores_that_count(tmp_path, score, row):
    from partbench.leaderboard import Store, load
    from partbench.leaderboard.publish.tree import files_under

    name = "ab.1a2b3c4d.parquet"
    score("ab", [0.2, 0.4])
    right = (tmp_path / "items" / name).read_bytes()
    score("ab", [0.3, 0.5])
    counted: pd.DataFrame = load(tmp_path)
    for place, content in (("x", right), ("y", (tmp_path / "items" / name).read_bytes())):
        (tmp_path / place / "items").mkdir(parents=True)
        (tmp_path / place / "items" / name).write_bytes(content)
    sources = [files_under(tmp_path / place) for place in ("x", "y")]
    for theirs, ours in (sources, sources[::-1]):
        found, _ = chosen(theirs, ours, counted)
        assert found[f"items/{name}"].read_bytes() != right
    assert Store(tmp_path).folder.local
