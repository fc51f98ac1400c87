"""The gallery: images in the order of a rule, pictures that may not be redistributed apart, hostile names as text."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from partbench.leaderboard import build_report
from partbench.leaderboard.evidence import Marks
from partbench.leaderboard.explanations import Unusable, read
from partbench.leaderboard.files import Folder
from partbench.leaderboard.gallery import BEST, MEDIAN, WORST, Gallery, agreement

RUN, OTHER, PROTOCOL = "0123456789abcdef", "fedcba9876543210", "1a2b3c4d"
HOSTILE = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>"


@pytest.fixture
def scored(store, row):
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    return store


@pytest.fixture
def branched(explain):
    """Explanations with a level of five parts that are gathered into the three final ones."""

    def write(shares):
        folder = explain(hierarchy=["block 4"])
        file, random = folder / "explanations.safetensors", np.random.default_rng(1)
        save_file(load_file(file) | {
            "hierarchy_maps.block 4": random.random((3, 5, 5, 5)).astype(np.float16),
            "hierarchy_ids.block 4": np.tile(np.arange(5), (3, 1)), "hierarchy_shares.block 4": shares}, file)

    return write


def gallery(tmp_path, **options):
    return build_report(tmp_path, **options).with_name("gallery.html").read_text()


def test_an_image_scores_by_what_concepts_mark_elsewhere_in_its_class():
    hits = np.zeros((4, 2, 3), bool)
    hits[:3, 0, 1] = True  # the first concept holds the second part on three images of four
    hits[:, 1, 2] = True  # the second holds the third part on all that show it
    visible = np.ones((4, 3), bool)
    visible[2] = [True, False, True]
    hits[2, 0, 1] = False
    marks = Marks(("a", "b", "c", "d"), np.zeros(4, int), np.tile([0, 1], (4, 1)), np.zeros((4, 2, 2), np.int16), hits,
                  visible, np.zeros((4, 3, 2), np.int16))
    assert agreement(marks, ["d", "c", "a", "unknown"]) == {"d": 0.5, "c": 1.0, "a": 1.0}


@pytest.mark.parametrize(("scores", "ranks"), [
    ({"a": 0.9, "b": 0.5, "c": 0.1}, {"a": BEST, "b": MEDIAN, "c": WORST}),
    ({"a": 0.9, "b": 0.5}, {"a": BEST, "b": WORST}), ({"a": 0.5, "b": 0.5}, {}), ({"a": 0.5}, {}), ({}, {})])
def test_best_median_and_worst_are_named_only_where_images_differ(scores, ranks):
    assert Gallery("cub", "deit", [], list(scores), scores, []).ranks() == ranks


def test_pictures_that_may_be_redistributed_stand_apart_from_those_that_may_not(scored, explain, tmp_path):
    explain()
    html = gallery(tmp_path)
    assert "pictures/" in html
    assert "pictures-private" not in html
    assert not (tmp_path / "report" / "pictures-private").exists()


def test_a_report_to_be_published_refers_to_no_picture_that_may_not_be(scored, explain, tmp_path):
    explain(redistributable=False)
    assert 'src="pictures-private/' in gallery(tmp_path)
    assert list((tmp_path / "report" / "pictures-private").iterdir())
    html = gallery(tmp_path, private=False)
    assert "<img" not in html
    assert "picture not published" in html
    assert not list((tmp_path / "report" / "pictures-private").iterdir())


def test_a_concept_hierarchy_is_drawn_where_a_run_left_one(scored, branched, tmp_path):
    branched(np.full((3, 5, 3), 1 / 3, np.float16))
    tree = gallery(tmp_path).partition("Concept hierarchy of ivpt")[2].partition("</svg>")[0]
    assert tree.count("<image ") == 5 + 3
    assert tree.count("<path ") == 5 * 3


@pytest.mark.parametrize("shares", [np.zeros((3, 5, 2), np.float16), np.full((3, 5, 3), np.nan, np.float16)])
def test_a_hierarchy_that_does_not_fit_is_refused(branched, shares, tmp_path):
    branched(shares)
    with pytest.raises(Unusable, match="shares of level block 4"):
        read(Folder(tmp_path), RUN)


def test_explanations_of_earlier_versions_are_read(explain, tmp_path):
    folder = explain()
    known = json.loads((folder / "explanations.json").read_text())
    assert not {"parts", "hierarchy"} & set(known)
    assert read(Folder(tmp_path), RUN).facts.parts == []


def test_hostile_names_are_text_and_torn_explanations_are_named(scored, explain, row, tmp_path):
    explain(title=HOSTILE, maps=HOSTILE, classes=[HOSTILE, "\u202e" + "y" * 2000], ids=[HOSTILE, "2", "3"])
    scored.write_scores(OTHER, PROTOCOL, "test", [row(run_id=OTHER, method="vpt_deep")])
    (explain(OTHER) / "explanations.safetensors").write_bytes(b"torn")
    html = gallery(tmp_path)
    assert "<script>window" not in html
    assert "<img src=x" not in html
    assert "y" * 500 not in html
    assert OTHER in build_report(tmp_path).read_text()


def test_images_of_one_class_can_be_linked(scored, explain, tmp_path):
    explain()
    assert "&quot;class&quot;: &quot;Sooty Albatross&quot;" in gallery(tmp_path)


def test_pages_about_one_image_are_linked_from_a_report_among_its_results_alone(scored, explain, tmp_path):
    explain()
    (tmp_path / "explained").mkdir()
    for name in (f"{RUN[:8]}.bird_1.01234567.html", "foreign.html", "x\"onclick=.a.b.html"):
        (tmp_path / "explained" / name).touch()
    html = gallery(tmp_path)
    assert f'href="../explained/{RUN[:8]}.bird_1.01234567.html"' in html
    assert "foreign" not in html
    assert "onclick" not in html
    build_report(tmp_path, tmp_path / "elsewhere" / "site")
    assert "../explained" not in (tmp_path / "elsewhere" / "site" / "gallery.html").read_text()
