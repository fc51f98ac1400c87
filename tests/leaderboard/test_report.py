"""The report: static, escaped, the same bytes for the same rows."""

import re
from html.parser import HTMLParser

import pytest

from partbench.errors import UserError
from partbench.leaderboard import Store, build_report

RUN, PROTOCOL = "0123456789abcdef", "1a2b3c4d"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</td></table>"


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def filled(store, row, failed):
    store.write_scores(RUN, PROTOCOL, "test", [
        row(), row("consistency", 0.138), row("consistency_gain", 0.135), row("consistency", 0.118, level="public")])
    store.write_scores("cc", PROTOCOL, "test", [
        row("consistency", 0.625, "cc", method="control", variant="constant_peak")])
    store.write_attempt("ff", [failed("ff")])
    return store


def test_pages_need_nothing_but_their_own_folder(filled, explain, tmp_path):
    explain()
    report = build_report(tmp_path).parent
    for page in report.glob("*.html"):
        html = page.read_text()
        loaded = [a.get("src") or a.get("href") for tag in ("img", "script", "link", "iframe", "source")
                  for a in Tags(html).all(tag) if not a.get("href", "").startswith("data:")]
        assert all((report / name).is_file() for name in loaded if name), page.name
        assert not re.search(r"srcset|<style[^>]*>[^<]*(@import|url\()|http-equiv", html), page.name
    shared = "".join(file.read_text() for file in (report / "site.css", report / "site.js"))
    assert not re.search(r"https?:|@import|url\(|fetch\(|XMLHttpRequest|eval\(|innerHTML", shared)


def test_the_page_shows_scores_controls_and_failures(filled, tmp_path):
    html = build_report(tmp_path).read_text()
    for text in ("73.3", "[70.1, 76.2]", "best constant peak", "loss term &#x27;entropy&#x27; is nan", "62.5"):
        assert text in html


def test_hostile_text_is_never_markup(store, row, failed, explain, tmp_path):
    where = {"method": HOSTILE, "dataset": HOSTILE, "backbone": HOSTILE}
    store.write_scores(RUN, PROTOCOL, "test", [
        row(metric, 0.5, **where, variant=HOSTILE, protocol=HOSTILE, level=HOSTILE, settings={"a": HOSTILE}, unit=unit)
        for metric, unit in (("accuracy", "fraction"), ("consistency", "fraction"), ("consistency_gain", "fraction"),
                             (HOSTILE, HOSTILE))])
    store.write_attempt("ff", [failed("ff", error=HOSTILE, **where)])
    explain(title=HOSTILE, maps=HOSTILE, classes=[HOSTILE, "b"])
    (tmp_path / "rows" / f"{HOSTILE.replace('/', '')}.parquet").write_bytes(b"x")
    for page in build_report(tmp_path).parent.glob("*.html"):
        html = page.read_text()
        tags = Tags(html)
        assert not [a for _, a in tags.tags if any(name.startswith("on") for name in a)], page.name
        assert all(a.get("src", "").endswith(".js") or a.get("type") == "application/json" for a in tags.all("script"))
        assert "<img src=x" not in html, page.name


def test_the_same_rows_give_the_same_bytes(filled, explain, tmp_path):
    explain()
    first, second = build_report(tmp_path, tmp_path / "a"), build_report(tmp_path, tmp_path / "b")
    names = sorted(p.relative_to(first.parent) for p in first.parent.rglob("*.*"))
    assert names == sorted(p.relative_to(second.parent) for p in second.parent.rglob("*.*"))
    assert all((first.parent / n).read_bytes() == (second.parent / n).read_bytes() for n in names)


def test_a_build_that_dies_leaves_the_old_report_whole(filled, explain, tmp_path, monkeypatch):
    folder = explain()
    page = build_report(tmp_path)
    before = {p: p.read_bytes() for p in page.parent.rglob("*.*")}
    for file in folder.iterdir():
        file.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("partbench.leaderboard.report.render", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            build_report(tmp_path)
    assert {p: p.read_bytes() for p in page.parent.rglob("*.*")} == before
    build_report(tmp_path)
    assert not list((page.parent / "pictures").iterdir())


@pytest.mark.parametrize("spoil", [
    lambda folder: (folder / "explanations.safetensors").write_bytes(b"\x08" + bytes(20)),
    lambda folder: (folder / "explanations.json").write_text("{"),
    lambda folder: (folder / "explanations.json").write_text('{"run_id": "x"}')])
def test_spoilt_explanations_are_a_note_on_the_page(filled, explain, tmp_path, spoil):
    spoil(explain())
    html = build_report(tmp_path).read_text()
    assert f"runs/{RUN}/explanations" in html
    assert "73.3" in html


def test_a_class_without_a_name_is_a_note_too(filled, explain, tmp_path):
    explain(labels=[0, 1, 7])
    assert "a class without a name" in build_report(tmp_path).read_text()


def test_the_site_leads_to_the_pages_of_sweeps_beside_it(filled, tmp_path):
    assert "Sweeps" not in build_report(tmp_path).read_text()
    for name in ("sweep-birds-1.html", "sweep-a<b.html", "other.html"):
        (tmp_path / "report" / name).write_text("")
    html = build_report(tmp_path).with_name("sweeps.html").read_text()
    assert '<a href="sweep-birds-1.html">birds-1</a>' in html
    assert "a<b" not in html
    assert "other.html" not in html


def test_an_empty_store_has_a_page_that_says_so(store, tmp_path):
    assert "No rows yet" in build_report(tmp_path).read_text()


def test_a_report_without_results_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="no results in"):
        build_report(tmp_path / "missing")


def test_a_store_in_memory_gets_its_report_there(row):
    store = Store("memory://report-test")
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    assert build_report("memory://report-test").startswith("memory://")
    assert b"73.3" in store.folder.read(store.folder.path("report", "index.html"))


def test_drawing_and_comparing_need_no_torch(filled, score, tmp_path):
    import subprocess
    import sys

    for run_id in ("aa", "bb"):
        score(run_id, [0.2, 0.5, 0.6], method=run_id)
    code = (f"import sys; from partbench.leaderboard import build_report; build_report({str(tmp_path)!r}); "
            "assert not {'torch', 'ray'} & {*sys.modules}")
    subprocess.run([sys.executable, "-c", code], check=True)
