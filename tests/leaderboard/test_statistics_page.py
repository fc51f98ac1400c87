"""The pages of statistics and trade-offs: what they claim, what they leave out, and what hostile rows do to them."""

import hashlib
import re

import numpy as np
import pytest

from partbench.leaderboard import (
    CriticalDifference,
    agreement,
    agreement_figure,
    boards,
    build_report,
    cost_figure,
    friedman_blocks,
    load,
    radar_figure,
    rankings,
    trade_off_figure,
    win_figure,
)
from partbench.leaderboard.tradeoffs import trade_off

HOSTILE = ("<script>window.pwned=1</script>", '"><img src=x onerror=pwned()>', "x" * 2000, "\u202eevil", "🐦" * 40,
           "</script>")
PROTOCOL = "1a2b3c4d"


@pytest.fixture
def write(store, row):
    """Store scores of a method on a data set: metric -> value, or values of several seeds."""

    def scores(method, dataset="cub", half=0.01, **metrics):
        seeds = max(np.size(values) for values in metrics.values())
        for seed in range(seeds):
            run_id = hashlib.sha256(f"{method} {dataset} {seed}".encode()).hexdigest()[:16]
            rows = []
            for metric, values in metrics.items():
                value = float(np.broadcast_to(values, seeds)[seed])
                rows.append(row(metric, value, run_id, method=method, dataset=dataset, seed=seed, ci_low=value - half,
                                ci_high=value + half, higher_is_better=metric != "deletion"))
            store.write_scores(run_id, PROTOCOL, "test", rows)

    return scores


def pages(folder):
    build_report(folder)
    return [(folder / "report" / f"{name}.html").read_text() for name in ("statistics", "tradeoffs")]


def test_noise_alone_is_never_put_in_an_order(write, tmp_path):
    random = np.random.default_rng(1)
    for place in range(30):
        write(f"m{place}", accuracy=0.5 + random.normal(0, 0.01, 5), half=0.02)
    html, _ = pages(tmp_path)
    assert "1\u201330" in html
    assert not re.search("class=\"(win|loss)\">[\u25b2\u25bc]", html)


def test_methods_of_equal_scores_are_tied_and_share_their_ranks(write, tmp_path):
    for method in ("one", "two", "three"):
        for dataset in ("cub", "dogs"):
            write(method, dataset, accuracy=0.5, half=1e-6)
    found = CriticalDifference.of(friedman_blocks(boards(load(tmp_path)), "accuracy")[0])
    assert (found.average == 2).all()
    assert (found.chi_squared, found.p_value, len(found.groups)) == (0, 1, 1)


def test_a_method_missing_on_a_data_set_is_named_and_left_out_of_average_ranks(write, tmp_path):
    for place, dataset in enumerate(("cub", "dogs", "cars")):
        for method in ("one", "two", "three", "late")[: 4 if place else 3]:
            write(method, dataset, accuracy=0.4 + 0.1 * len(method))
    html, _ = pages(tmp_path)
    assert re.search(r"Left out: late \(not on cub ", html)
    found, = friedman_blocks(boards(load(tmp_path)), "accuracy")
    assert (len(found.methods), len(found.boards)) == (3, 3)


def test_one_data_set_has_no_diagram_and_says_why(write, tmp_path):
    for method in ("one", "two", "three"):
        write(method, accuracy=0.5)
    html, _ = pages(tmp_path)
    assert "no diagram. It needs three methods that were scored on each of at least two data sets" in html
    assert "chi-squared" not in html


def test_metrics_agree_once_they_are_turned_so_that_better_is_better(write, tmp_path):
    for place in range(4):
        write(f"m{place}", accuracy=0.2 * place, deletion=1 - 0.2 * place, nmi=0.3)
    board, = boards(load(tmp_path))
    taus = agreement(board).frame()
    assert taus.loc["accuracy", "deletion"] == 1
    assert np.isnan(taus.loc["accuracy", "nmi"])


def test_the_front_holds_what_is_not_told_apart_from_it(write, tmp_path):
    for method, accuracy, gain in (("best", 0.8, 0.5), ("near", 0.795, 0.495), ("far", 0.4, 0.1), ("other", 0.3, 0.9)):
        write(method, accuracy=accuracy, consistency_gain=gain)
    board, = boards(load(tmp_path))
    column = next(column for column in board.columns if column.metric == "consistency_gain")
    points = {point.line.name: point for point in trade_off(board, column, rankings(board))}
    assert {name for name, point in points.items() if point.in_front} == {"best", "near", "other"}
    assert {name for name, point in points.items() if point.seen_in_front} == {"best", "other"}


def test_figures_are_none_where_there_is_nothing_to_draw(write, tmp_path):
    write("one", nmi=0.5)
    board, = boards(load(tmp_path))
    assert trade_off_figure(board, "nmi") is None
    assert trade_off_figure(board, "stability") is None
    assert radar_figure(board, board.columns) is None
    assert cost_figure(board, "minutes", "nmi") is None


def test_matrices_are_figures_for_notebooks_too(write, tmp_path):
    for place in range(4):
        write(f"m{place}", accuracy=[0.2 * place, 0.2 * place + 0.001], deletion=1 - 0.2 * place)
    board, = boards(load(tmp_path))
    (accuracy, _), = rankings(board)
    won = np.array(win_figure(accuracy).data[0].z)
    assert (won == -won.T).all()
    assert won[0].tolist() == [0, 1, 1, 1]
    assert np.array(agreement_figure(agreement(board)).data[0].z)[0, 1] == 1


def test_hostile_names_are_text_and_cut(write, tmp_path):
    for place, name in enumerate(HOSTILE):
        for dataset in ("cub", "<b>bold</b>"):
            write(name, dataset, accuracy=[0.1 * place, 0.1 * place + 0.01], consistency=0.05 * place, deletion=0.5,
                  **{"<i>metric": 0.1 * place})
    for html in pages(tmp_path):
        assert not re.search(r"<script>window|<img src=x|<b>bold|<i>metric|\u202e", html)
        assert "x" * 500 not in html


def test_one_line_and_no_line_make_no_page_of_statistics(write, failed, store, tmp_path):
    store.write_attempt("ff", [failed("ff")])
    build_report(tmp_path)
    write("one", accuracy=0.5)
    build_report(tmp_path)
    assert not (tmp_path / "report" / "statistics.html").exists()
