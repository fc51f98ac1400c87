"""Exports: LaTeX that compiles, bold only what is told apart, CSV that no spreadsheet runs, papers once each."""

import csv
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partbench.errors import UserError
from partbench.leaderboard import ClassSums, bibtex, boards, csv_table, latex_table, load
from partbench.leaderboard.site.export_latex import escaped

EASE = np.random.default_rng(0).uniform(0.2, 0.8, 40)
PROTOCOL = "1a2b3c4d"


@pytest.fixture
def board(store, tmp_path):
    return lambda: boards(load(tmp_path), ClassSums(store))[0]


def test_only_a_best_that_is_told_apart_is_bold(score, board):
    for run_id, lead in (("aa", 0.0), ("bb", 0.1), ("cc", 0.1)):
        score(run_id, EASE + lead, metric="accuracy", method=f"method_{run_id}")
    assert r"\textbf" not in latex_table(board())
    score("dd", EASE + 0.2, metric="accuracy", method="method_dd")
    bold, = re.findall(r"^(.*?) & \\textbf", latex_table(board()), re.M)
    assert bold == r"method\_dd"


@given(st.text())
def test_escaped_text_holds_no_character_that_latex_acts_on(text):
    plain = re.sub(r"\\text[a-z]+\{\}|\\[{}$&#%_]|\{[\[\]*]\}|\$\\(approx|cdot)\$|\\ldots\{\}", "", escaped(text))
    assert not set(plain) & set("\\{}$&#%_^<>|\"[]*")


def test_a_table_of_chosen_metrics_and_an_error_for_others(store, row, board):
    store.write_scores("aa", PROTOCOL, "test", [row(run_id="aa"), row("nmi", 0.2, "aa"), row("ari", None, "aa",
                                                status="not_applicable", ci_low=None, ci_high=None)])
    table = latex_table(board(), ["nmi", "ari"])
    assert r"ivpt & 20.0 \ci{70.1, 76.2} & n/a \\" in table
    assert r"\begin{tabular}{lrr}" in table
    with pytest.raises(UserError, match="did you mean 'nmi'"):
        latex_table(board(), ["nmii"])


def test_csv_has_scores_in_full_and_no_formulas(store, row, board):
    store.write_scores("aa", PROTOCOL, "test", [row("accuracy", 1 / 3, "aa", method='=HYPERLINK("x")')])
    line, = csv.DictReader(io.StringIO(csv_table(board())))
    assert float(line["accuracy"]) == 1 / 3
    assert line["method"] == "'=HYPERLINK(\"x\")"
    assert line["accuracy_best_rank"] == ""


def test_papers_of_methods_data_set_and_metrics_once_each(store, row, board):
    for run_id, method in (("aa", "ivpt"), ("bb", "vpt_deep"), ("cc", "vpt_shallow"), ("dd", "unknown")):
        store.write_scores(run_id, PROTOCOL, "test", [row("consistency", 0.5, run_id, method=method)])
    keys = re.findall(r"^@\w+\{(\w+),", bibtex(board()), re.M)
    assert len(keys) == len(set(keys))
    assert {"wah2011cub", "huang2023evaluation"} < set(keys)
    assert keys.count("jia2022vpt") == 1
