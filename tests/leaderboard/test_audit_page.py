"""The page of an audit: offline, escaped, the same bytes for the same audit, and the numbers that were found."""

import base64
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from partbench.errors import UserError
from partbench.leaderboard import Audit, audit_summary, build_report, write_audit_page
from partbench.leaderboard.audit_data import AuditData, read_audits
from partbench.leaderboard.audited import Audited, Comparison, Curve, Part
from partbench.leaderboard.board import Column, Score
from partbench.leaderboard.files import Folder
from partbench.leaderboard.site import audit_page as site_page
from partbench.metrics.protocol import protocol

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</td></table>[bold]"


@pytest.fixture
def audit():
    rules = protocol("partbench", canvas=56, half_size=9)
    constant = np.linspace(0, 0.65, 56 * 56, dtype=np.float32).reshape(56, 56)
    columns = tuple(Column(name, "fraction", True) for name in ("consistency", "consistency_gain", "stability"))
    constant_peak = Audited("best constant peak", {
        "consistency": Score(0.625, 0.475, 0.75, 1), "consistency_gain": Score(0.0, 0.0, 0.0, 1),
        "stability": Score(None, None, None, 1)}, Curve((0.125, 0.625, 0.9375), (0.0,) * 3),
        Curve((0.7, 0.625), (None, None)))
    run = Audited("ivpt 01234567 · public", {"consistency": Score(0.714, 0.6, 0.8, 1)},
                  Curve((0.2, 0.714, 0.98), (0.1, 0.31, 0.02)), Curve((0.8, 0.714), (0.4, 0.31)))
    return Audit(
        dataset="cub", split="test", protocol=rules, images=1090, classes=40, columns=columns,
        parts=(Part("beak", 1088, (29.0, 9.5), 0.425), Part("tail", 0, None, None)), constant=constant,
        stale_constant=np.sqrt(constant), stale_half_size=21, best=(28, 14), best_on_train=0.575,
        half_sizes=(2, 9, 21), thresholds=(0.5, 0.8), lines=(run, constant_peak),
        comparisons=(Comparison("consistency", run.name, constant_peak.name, 0.089, 0.147, 8647, 235_630),))


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def drawn(html):
    """Specifications of the figures, by anchor."""
    found = re.findall(r'<script type="application/json" data-for="([^"]*)">(.*?)</script>', html)
    return {anchor: json.loads(spec) for anchor, spec in found}


def told(audit):
    console = Console(width=160, record=True, file=StringIO())
    console.print(audit_summary(audit))
    return console.export_text()


def test_the_page_needs_nothing_but_its_own_folder(audit, tmp_path):
    page = tmp_path / "audit" / f"cub.{audit.protocol.id}.html"
    assert write_audit_page(audit, tmp_path) == str(page)
    html = page.read_text()
    sources = [attributes["src"] for _, attributes in Tags(html).tags if "src" in attributes]
    assert sources == ["plotly.min.js"]
    assert (page.parent / "plotly.min.js").stat().st_size > 10**6
    assert not re.search(r"(src|href)=.?(https?:|//)|@import|url\(", html)


def test_the_page_holds_scores_curves_parts_and_what_a_point_needs(audit, tmp_path):
    with open(write_audit_page(audit, tmp_path)) as file:
        html = file.read()
    for text in ("62.5", "[47.5, 75.0]", "n/a", "1,090 images of 40 classes", "beak", "29, 10", "42.5", "93.8", "8,647",
                 "235,630", "half-size 21", "57.5 %"):
        assert text in html, text


def test_the_heat_map_is_every_constant_peak_and_marks_the_best(audit, tmp_path):
    with open(write_audit_page(audit, tmp_path)) as file:
        figures = drawn(file.read())
    surface, parts, best = figures["peaks"]["data"]
    values = np.frombuffer(base64.b64decode(surface["z"]["bdata"]), np.float32).reshape(56, 56)
    assert np.allclose(values, 100 * audit.constant)
    assert (surface["zmin"], surface["zmax"]) == (0, 100)
    assert (parts["x"], parts["text"]) == ([29.0], ["beak"])  # the tail is shown nowhere
    assert (best["x"], best["y"]) == ([28], [14])
    assert figures["peaks"]["layout"]["yaxis"]["range"] == [56, 0]  # rows grow downwards, as in pictures


def test_both_half_sizes_are_marked_and_every_explanation_has_both_curves(audit, tmp_path):
    with open(write_audit_page(audit, tmp_path)) as file:
        figure = drawn(file.read())["by-half-size"]
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == [9, 21]
    assert [curve["y"] for curve in figure["data"][:2]] == [[20.0, 71.39999999999999, 98.0], [10.0, 31.0, 2.0]]
    assert [curve["showlegend"] for curve in figure["data"]] == [True, False] * 2


def test_the_table_says_the_same(audit):
    text = told(audit)
    for part in ("62.5 [47.5, 75.0]", "consistency, half-size 21", "98.0", "93.8", "(28, 14), 57.5 on train",
                 "8,647 classes"):
        assert part in text, part


def test_names_are_never_markup(audit, tmp_path):
    hostile = replace(
        audit, parts=(Part(HOSTILE, 1, (3.0, 3.0), 0.1),), lines=(replace(audit.lines[0], name=HOSTILE),),
        columns=(Column(HOSTILE, HOSTILE, True),),
        comparisons=(Comparison(HOSTILE, HOSTILE, HOSTILE, 0.1, 0.1, 1, 1),))
    with open(write_audit_page(hostile, tmp_path)) as file:
        html = file.read()
    tags = Tags(html).tags
    assert not [attributes for _, attributes in tags if any(name.startswith("on") for name in attributes)]
    assert sum(tag == "script" for tag, _ in tags) == 2 + 4  # Plotly, ours, and four figures' data
    assert "<img src=x" not in html
    assert "[bold]" in told(hostile)


def test_the_same_audit_gives_the_same_bytes_and_another_split_another_page(audit, tmp_path):
    first, second = (write_audit_page(audit, tmp_path / name) for name in "ab")
    with open(first, "rb") as one, open(second, "rb") as other:
        assert one.read() == other.read()
    assert write_audit_page(replace(audit, split="val"), tmp_path).endswith(f"cub.{audit.protocol.id}.val.html")


def test_nothing_to_compare_is_said(audit, tmp_path):
    with open(write_audit_page(replace(audit, comparisons=()), tmp_path)) as file:
        assert "no spread" in file.read()


def test_a_folder_that_cannot_be_written_is_a_user_error(audit, tmp_path):
    (tmp_path / "audit").write_text("a file")
    with pytest.raises(UserError):
        write_audit_page(audit, tmp_path)


def test_drawing_needs_no_torch():
    code = ("import sys; from partbench.leaderboard import Audit, audit_summary, write_audit_page; "
            "assert not {'torch', 'ray'} & {*sys.modules}")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_json_beside_the_page_brings_back_all_but_the_maps(audit, tmp_path):
    write_audit_page(audit, tmp_path)
    (back,), problems = read_audits(Folder(tmp_path))
    assert back == AuditData.of(audit)
    assert (back.best_here, back.lines, problems) == (float(audit.constant[14, 28]), audit.lines, [])


@pytest.mark.parametrize("damage", [
    lambda known: "", lambda known: "[]", lambda known: json.dumps(known | {"half_sizes": [1]}),
    lambda known: json.dumps(known | {"best_here": float("nan")}), lambda known: json.dumps(known)[:-9]])
def test_an_audit_that_is_torn_or_does_not_hold_together_is_named_and_left_out(damage, audit, tmp_path):
    write_audit_page(audit, tmp_path)
    file, = (tmp_path / "audit").glob("*.json")
    file.write_text(damage(json.loads(file.read_text())))
    found, (problem,) = read_audits(Folder(tmp_path))
    assert found == []
    assert file.name in problem


def test_the_report_says_what_a_blind_guess_scores_where_the_address_points(audit, store, row, tmp_path):
    id_ = audit.protocol.id
    store.write_scores("ab", id_, "test", [row("consistency", run_id="ab", protocol_id=id_)])
    write_audit_page(audit, tmp_path)
    html = build_report(tmp_path).with_name("audit.html").read_text()
    page, _, anchor = site_page.address("cub", id_).partition("#")
    assert page == "audit.html"
    assert f'id="{anchor}"' in html
    for text in ("best constant peak", "62.5", "beak", f"{100 * audit.best_here:.1f} %"):
        assert text in html
    assert len(drawn(html)) == 2


def test_where_nobody_audited_controls_stand_or_the_command_that_does(store, row, tmp_path):
    store.write_scores("ab", "p1", "test", [row("consistency", run_id="ab", protocol_id="p1")])
    assert "harness audit --dataset cub" in build_report(tmp_path).with_name("audit.html").read_text()
    store.write_scores("cc", "p1", "test", [
        row("consistency", 0.625, "cc", protocol_id="p1", method="control", variant="constant_peak")])
    assert "62.5" in build_report(tmp_path).with_name("audit.html").read_text()


def test_a_hostile_audit_is_text_on_the_report_too(audit, store, row, tmp_path):
    store.write_scores("ab", "p1", "test", [row("accuracy", run_id="ab", protocol_id="p1")])
    part, line = replace(audit.parts[0], name=HOSTILE), replace(audit.lines[0], name=HOSTILE)
    write_audit_page(replace(audit, parts=(part,), lines=(line,), comparisons=()), tmp_path)
    assert "<script>alert" not in build_report(tmp_path).with_name("audit.html").read_text()
