"""Figures of the report as files."""

import sys

import pytest

from partbench.errors import UserError
from partbench.leaderboard import build_report
from partbench.leaderboard.export import export_figures


@pytest.fixture
def report(store, row, tmp_path):
    store.write_scores("ab", "1a2b3c4d", "test", [
        row(run_id="ab"), row("consistency_gain", 0.135, "ab"), row("consistency", 0.138, "ab")])
    return build_report(tmp_path).parent


def test_without_the_exporter_it_says_what_to_install(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(UserError, match=r"pip install 'partbench\[export\]'"):
        export_figures(report, "svg")
    assert not list(report.glob("figures/*"))


def test_every_figure_of_the_pages_becomes_a_file(report):
    pytest.importorskip("kaleido", reason="the extra `export` is not installed")
    paths = export_figures(report, "svg")
    assert paths
    assert all(path.read_text().startswith("<svg") for path in paths)
