"""Badges and the summary: whole whatever the names, and never an order that is not there."""

import json
import re
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.leaderboard import boards
from partbench.leaderboard.badge import badge_svg
from partbench.leaderboard.badges import badge_name, embed_html, write_badges
from partbench.leaderboard.class_sums import ClassSums
from partbench.leaderboard.files import Folder
from partbench.leaderboard.site.material import Material

HOSTILE = "\"><script>window.pwned=1</script>](x) \u202e\ud800" + "\U0001f426" * 2000


def written(store, tmp_path):
    frame = store.read()[0]
    made = Material(store.folder, Folder(tmp_path / "report"), frame, boards(frame, ClassSums(store)), [], None)
    write_badges(made)
    return made, json.loads((tmp_path / "report" / "summary.json").read_text())


@settings(deadline=None)
@given(st.text(), st.text(), st.text())
def test_a_badge_is_well_formed_whatever_it_says(left, right, title):
    root = ElementTree.fromstring(badge_svg(left, right, title).encode())
    assert float(root.get("width")) <= 24 + 12 * len(left + right)
    assert root[0].tag.endswith("title")


@settings(deadline=None)
@given(st.text())
def test_a_badge_is_named_by_plain_letters(dataset):
    assert re.fullmatch(r"badge-[a-z0-9-]{1,60}\.svg", badge_name(dataset))


def test_names_of_two_data_sets_differ():
    assert len({badge_name(name) for name in ("cub", "CUB", "c u b", "oxford_pets", "oxford-pets", "鳥", "鳥 ")}) == 7


def test_lines_that_are_not_told_apart_are_tied_in_badge_and_summary(store, score, tmp_path):
    for run_id, method in (("aa", "ivpt"), ("bb", "prompt_cam")):
        score(run_id, [0.5, 0.6, 0.7, 0.8] * 5, "accuracy", method=method)
    score("cc", [0.1, 0.2, 0.1, 0.2] * 5, "accuracy", method="vpt_deep")
    _, told = written(store, tmp_path)
    assert told["schema"] == 1
    (board,) = told["boards"]
    (headline,) = board["headlines"]
    assert sorted(line["method"] for line in headline["best"]) == ["ivpt", "prompt_cam"]
    assert (headline["ranked"], board["runs"], board["badge"]) == (3, 3, "badge-cub.svg")
    assert "accuracy: 2 of 3 tied for best" in (tmp_path / "report" / "badge-cub.svg").read_text()


def test_hostile_names_stay_text_and_the_badge_narrow(store, row, tmp_path):
    store.write_scores("aa", "1a2b3c4d", "test", [row(run_id="aa", dataset=HOSTILE, method=HOSTILE, backbone=HOSTILE)])
    made, told = written(store, tmp_path)
    svg = (tmp_path / "report" / told["boards"][0]["badge"]).read_text()
    assert float(ElementTree.fromstring(svg.encode()).get("width")) < 1500
    html = embed_html(made.boards[0])
    for text in (svg, html):
        assert "<script" not in text
        assert "\u202e" not in text


def test_badges_of_data_sets_that_are_gone_go(store, row, tmp_path):
    store.write_scores("aa", "1a2b3c4d", "test", [row(run_id="aa")])
    (tmp_path / "report").mkdir()
    for name in ("badge-old.svg", "drawing.svg"):
        (tmp_path / "report" / name).write_text("")
    written(store, tmp_path)
    assert sorted(path.name for path in (tmp_path / "report").glob("*.svg")) == ["badge-cub.svg", "drawing.svg"]
