"""The runs page: small, whole, and text where rows or files are hostile."""

import json
import re

import pytest

from partbench.leaderboard import Row, boards
from partbench.leaderboard.files import Folder
from partbench.leaderboard.rows import to_frame, to_table
from partbench.leaderboard.site import runs_page, sweeps_page
from partbench.leaderboard.site.material import Material

RUN, PROTOCOL = "0123456789abcdef", "1a2b3c4d"
HOSTILE = "</script><script>window.pwned=1</script>\"'&\u202e\u0001" + "x" * 3000


def material(frame, tmp_path):
    return Material(Folder(tmp_path), Folder(tmp_path / "report"), frame, boards(frame), [], None)


def data(html):
    (found,) = re.findall(r'<script type="application/json" id="runs-data">(.*?)</script>', html, re.DOTALL)
    return json.loads(found)


def shown(page, name, run=0):
    found = data(page.sections[0].html)
    value = found["columns"][name]
    value = value[run] if isinstance(value, list) else value
    return found["strings"][value] if name in found["texts"] else value


def test_two_thousand_runs_with_settings_of_their_own_stay_below_a_megabyte(tmp_path, row):
    rows = [row(run_id=f"{n:016x}", seed=n, dataset=f"set-{n % 8}", train_seconds=n / 7, settings={
        f"setting_{k}": (n + 1) / (k + 7) for k in range(14)}) for n in range(2000)]
    page = runs_page.page(material(to_frame(to_table(rows)), tmp_path))
    assert data(page.sections[0].html)["runs"] == 2000
    assert len(page.sections[0].html.encode()) < 1_000_000


def test_a_failed_run_shows_its_error_and_the_end_of_its_log(store, failed, tmp_path):
    store.write_attempt(RUN, [failed()])
    folder = tmp_path / "runs" / RUN
    folder.mkdir(parents=True)
    (folder / "log.txt").write_bytes(b"\xff" + b"".join(b"line %d\n" % n for n in range(100)))
    page = runs_page.page(material(store.read()[0], tmp_path))
    assert shown(page, "status") == "failed"
    assert "entropy" in shown(page, "error")
    assert shown(page, "log").splitlines() == [f"line {n}" for n in range(80, 100)]


@pytest.mark.parametrize("spoilt", [b"{", b"[]", b"\xff", b'{"methods": 1}', b'{"methods": ["ivpt"], "seeds": [0], '
                                    b'"dataset": "other"}', b"[" * 100_000, b" " * 200_000])
def test_a_torn_or_foreign_spec_is_as_good_as_none(store, row, tmp_path, spoilt):
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    folder = tmp_path / "runs" / RUN
    folder.mkdir(parents=True)
    (folder / "spec.json").write_bytes(spoilt)
    page = runs_page.page(material(store.read()[0], tmp_path))
    assert "Its spec.json is not here" in shown(page, "note")


def test_a_run_id_never_leads_out_of_the_results(tmp_path, row):
    (tmp_path / "spec.json").write_text('{"methods": ["ivpt"], "seeds": [0], "dataset": "cub", "batch_size": 77}')
    (tmp_path / "runs").mkdir()
    page = runs_page.page(material(to_frame(to_table([row(run_id="..")])), tmp_path))
    assert "77" not in page.sections[0].html


def test_hostile_rows_stay_data(tmp_path, row, failed):
    names = {"method": HOSTILE, "variant": HOSTILE, "dataset": HOSTILE, "backbone": HOSTILE, "sweep": HOSTILE,
             "preset": HOSTILE, "hardware": HOSTILE, "versions": HOSTILE, "settings": HOSTILE, "protocol": HOSTILE}
    rows = [row(**names), failed("ff", error=HOSTILE, **names), row(**names | {"split": "val", "run_id": HOSTILE})]
    made = material(to_frame(to_table([Row(**one.model_dump()) for one in rows])), tmp_path)
    for page in (runs_page.page(made), sweeps_page.page(made)):
        html = "".join(section.html for section in page.sections)
        assert "<script>window" not in html
        assert "\u202e" not in html


def test_sweeps_are_listed_with_trials_and_the_best_of_them(store, row, failed, tmp_path):
    for run_id, value in (("aa", 0.5), ("bb", 0.7), ("cc", 0.6)):
        store.write_scores(run_id, PROTOCOL, "val", [row(value=value, run_id=run_id, split="val", sweep="birds")])
    store.write_attempt("dd", [failed("dd", split="val", sweep="birds")])
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "sweep-birds.html").write_text("")
    (tmp_path / "report" / "sweep-a<b.html").write_text("")
    page = sweeps_page.page(material(store.read()[0], tmp_path))
    assert page.sections[0].html == '<ul><li><a href="sweep-birds.html">birds</a></li></ul>'
    assert '<a href="runs.html#run-bb">70.0 %</a>' in page.sections[1].html
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page.sections[1].html)
    assert cells[:4] == ["4", "3", "0", "1"]


def test_without_searches_there_is_no_page_of_them(store, row, tmp_path):
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    assert sweeps_page.page(material(store.read()[0], tmp_path)) is None
