"""Published numbers beside ours: the same set-up or the reason why not, and a page that shows it."""

import pytest

from partbench.leaderboard import boards, published_numbers, reported_against_reproduced, reproductions
from partbench.leaderboard.files import Folder
from partbench.leaderboard.site import reported_page
from partbench.leaderboard.site.material import Material
from partbench.metrics.protocol import protocol

RUN = "0123456789abcdef"
DINOV2 = "vit_base_patch14_reg4_dinov2.lvd142m"
SAME = {"method": "ivpt", "variant": "public", "backbone": DINOV2, "image_size": 518, "fit_on": "train+val",
        "preset": "paper", "weights": f"timm:{DINOV2}", "protocol": "ivpt", "protocol_id": protocol("ivpt").id,
        "n": 5794}
HOSTILE = "<script>window.pwned=1</script>\"'&\u202e" + "x" * 2000


@pytest.fixture
def ivpt(store, row):
    """IVPT's published accuracy on CUB beside a run of its set-up, with changes."""

    def beside(value=0.905, **changes):
        facts = SAME | changes
        store.write_scores(RUN, facts["protocol_id"], facts.get("split", "test"), [
            row(value=value, ci_low=value - 0.004, ci_high=value + 0.004, **facts)])
        frame = store.read()[0]
        found = reproductions(boards(frame), frame)
        return next(one for one in found if (one.published.name, one.published.metric, one.published.value)
                    == ("ivpt@public", "accuracy", "90.8"))

    return beside


def test_the_same_set_up_and_an_interval_that_holds_it_is_reproduced(ivpt):
    found = ivpt()
    assert (found.outcome, found.reasons, found.doubts) == ("reproduced", (), ())
    assert found.difference == pytest.approx(-0.003)


def test_an_end_that_rounds_to_the_printed_digits_holds_it(ivpt):
    assert ivpt(0.9036).outcome == "reproduced"  # up to 0.9076, printed 90.8


def test_the_same_set_up_and_another_value_is_off(ivpt):
    found = ivpt(0.9)
    assert found.outcome == "off"
    assert found.difference == pytest.approx(-0.008)


@pytest.mark.parametrize(("change", "said"), [
    ({"variant": ""}, "variant: plain"), ({"backbone": "deit_tiny_patch16_224"}, "backbone: deit_tiny"),
    ({"image_size": 224}, "image size: 224"), ({"fit_on": "train"}, "trained on: train"),
    ({"weights": "random"}, "weights: random"), ({"n": 1090}, "test images: 1,090"),
    ({"protocol": "prompt_cam", "protocol_id": protocol("prompt_cam").id}, "images: squashed"),
    ({"split": "val"}, "split: val")])
def test_another_set_up_is_not_comparable_and_says_why(ivpt, change, said):
    found = ivpt(**change)
    assert found.outcome == "not comparable"
    assert found.difference is None
    assert any(reason.startswith(said) for reason in found.reasons)


def test_what_rows_leave_open_is_said_and_decides_nothing(ivpt):
    found = ivpt(weights="7d0396e98c29e5e8", preset="default", n=None)
    assert found.outcome == "reproduced"
    assert [doubt.partition(" ")[0] for doubt in found.doubts] == ["weights", "recipe:", "test"]


def test_the_nearest_set_up_is_shown_and_not_the_nearest_score(store, row, ivpt):
    other = SAME | {"image_size": 224}
    store.write_scores("ff", other["protocol_id"], "test", [row(value=0.908, run_id="ff", **other)])
    assert ivpt(0.7).outcome == "off"


def test_a_protocol_of_other_settings_is_another(store, row):
    changed = protocol("ivpt", half_size=84)
    store.write_scores(RUN, changed.id, "test", [row("consistency", 0.753, **SAME | {"protocol_id": changed.id})])
    frame = store.read()[0]
    found = next(one for one in reproductions(boards(frame), frame) if one.ours)
    assert found.outcome == "not comparable"
    assert "with changed settings" in found.reasons[0]


def test_every_published_number_has_an_outcome_where_nothing_was_run(store, row):
    store.write_scores(RUN, SAME["protocol_id"], "test", [row(**SAME | {"dataset": "other"})])
    frame = store.read()[0]
    found = reproductions(boards(frame), frame)
    assert len(found) == len(published_numbers())
    assert {one.outcome for one in found} == {"not run"}
    assert reported_against_reproduced(found) is None


def test_the_page_and_its_figure_show_what_is_comparable(store, tmp_path, ivpt):
    found = ivpt()
    assert list(reported_against_reproduced([found]).data[1].x) == pytest.approx([90.8])
    html = "".join(section.html for section in _page(store, tmp_path).sections)
    for text in ("2 reproduced", "<b class=\"right\">reproduced</b>", "90.5 % [90.1, 90.9]", "second-hand"):
        assert text in html


def test_hostile_rows_stay_text(store, row, tmp_path):
    store.write_scores(RUN, SAME["protocol_id"], "test", [
        row(**SAME | {"backbone": HOSTILE, "weights": HOSTILE, "preset": HOSTILE, "protocol": HOSTILE,
                      "settings": {"a": HOSTILE}})])
    html = "".join(section.html for section in _page(store, tmp_path).sections)
    assert "<script>window" not in html
    assert "\u202e" not in html


def _page(store, tmp_path):
    frame = store.read()[0]
    return reported_page.page(Material(store.folder, Folder(tmp_path / "report"), frame, boards(frame), [], None))
