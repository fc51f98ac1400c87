"""Numbers on the statistics page against an independent reckoning: Parquet files, scipy and scikit-posthocs alone."""

import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests

from partbench.leaderboard import build_report
from partbench.leaderboard.rows import Row

METHODS, DATASETS, SEEDS = [f"method_{place}" for place in range(6)], ["cub", "dogs", "cars", "planes"], 3
METRICS = {"accuracy": True, "consistency": True, "deletion": False}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The results folder and the HTML of the statistics page of six methods on four data sets, three seeds each."""
    from partbench.leaderboard import Store

    folder, random = tmp_path_factory.mktemp("results"), np.random.default_rng(3)
    store = Store(folder)
    store.check_writable()
    skill = random.normal(0, 0.04, (len(METHODS), len(METRICS)))
    for dataset in DATASETS:
        for method, own in zip(METHODS, skill, strict=True):
            for seed in range(SEEDS):
                run_id = f"{dataset}-{method}-{seed}"
                values = 0.5 + own + random.normal(0, 0.006, len(METRICS))
                store.write_scores(run_id, "p", "test", [Row(
                    run_id=run_id, method=method, dataset=dataset, backbone="deit", seed=seed, metric=metric,
                    protocol="partbench", protocol_id="p", value=round(value, 4), ci_low=value - 0.01,
                    ci_high=value + 0.012, unit="fraction", higher_is_better=higher)
                    for value, (metric, higher) in zip(values, METRICS.items(), strict=True)])
    build_report(folder)
    return folder, (folder / "report" / "statistics.html").read_text()


@pytest.fixture(scope="module")
def rows(page):
    return pd.concat(pd.read_parquet(file) for file in (page[0] / "rows").glob("*.parquet"))


def cells(html, *path):
    """The last table after some words: head of row -> texts of its cells."""
    for words in path:
        html = html[html.index(words) + len(words):]
    body = re.search(r"<tbody>(.*?)</tbody>", html, re.S)[1]
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", body, re.S):
        head, *rest = (unescape(re.sub("<[^>]*>", "", cell)).replace("\u00a0", " ")
                       for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S))
        found[head] = rest
    return found


def p_values(rows, dataset, metric):
    """Two-sided p-values of all pairs from rows, and Holm's; means in the order of METHODS."""
    here = rows[(rows["dataset"] == dataset) & (rows["metric"] == metric)]
    by = dict(list(here.groupby("method")))
    means = np.array([by[name]["value"].mean() for name in METHODS])
    seeds = np.array([by[name]["value"].var(ddof=1) / SEEDS for name in METHODS])
    images = np.array([np.maximum(by[name]["ci_high"] - by[name]["value"], by[name]["value"] - by[name]["ci_low"])
                       .mean() / stats.norm.ppf(0.975) for name in METHODS]) ** 2
    one, other = np.triu_indices(len(METHODS), 1)
    found = []
    for a, b in zip(one, other, strict=True):
        welch = (seeds[a] + seeds[b]) ** 2 / ((seeds[a] ** 2 + seeds[b] ** 2) / (SEEDS - 1))

        def beyond(log, a=a, b=b, welch=welch):
            p = np.exp(log)
            return (stats.norm.isf(p / 2) ** 2 * (images[a] + images[b])
                    + stats.t.isf(p / 2, welch) ** 2 * (seeds[a] + seeds[b]) - (means[a] - means[b]) ** 2)

        found.append(np.exp(optimize.brentq(beyond, -60, 0)))
    corrected = multipletests(found, method="holm")[1]
    better = np.zeros((len(METHODS), len(METHODS)), bool)
    sign = 1 if METRICS[metric] else -1
    for a, b, p in zip(one, other, corrected, strict=True):
        better[a, b], better[b, a] = (p < 0.05 and sign * way * (means[a] - means[b]) > 0 for way in (1, -1))
    return corrected, better, means


@pytest.mark.parametrize("metric", METRICS)
def test_p_values_ranks_and_marks_are_those_of_the_rows(page, rows, metric):
    corrected, better, means = p_values(rows, "cub", metric)
    section = page[1][page[1].index("<h2>cub"):]
    column = list(METRICS).index(metric)
    ranks = cells(section, "Ranks that the tests")
    for place, method in enumerate(METHODS):
        best, worst = 1 + better[:, place].sum(), len(METHODS) - better[place].sum()
        assert ranks[method][column] == (str(best) if best == worst else f"{best}\u2013{worst}")
    pairs = cells(section, f"<h3>{metric.capitalize()}</h3>", "Pairs, with differences")
    one, other = np.triu_indices(len(METHODS), 1)
    shown = {frozenset(name.split(" and ")): found for name, found in pairs.items()}
    for a, b, p in zip(one, other, corrected, strict=True):
        difference, _, p_shown, *_ = shown[frozenset((METHODS[a], METHODS[b]))]
        assert abs(float(difference)) == pytest.approx(100 * abs(means[a] - means[b]), abs=0.051)
        assert p_shown == ("< 0.001" if p < 0.001 else f"{p:.3f}")
    matrix = cells(section, f"<h3>{metric.capitalize()}</h3>", "Effect sizes")
    order = np.argsort(-means if METRICS[metric] else means, kind="stable")
    for at, row in enumerate(order):
        marks = [cell[:1] for cell in matrix[f"{at + 1} {METHODS[row]}"]]
        assert marks.count("\u25b2") == better[row].sum()
        assert marks.count("\u25bc") == better[:, row].sum()


def test_effect_sizes_are_cohens_d_over_seeds(page, rows):
    matrix = cells(page[1][page[1].index("<h2>dogs"):], "<h3>Deletion</h3>", "Effect sizes")
    here = rows[(rows["dataset"] == "dogs") & (rows["metric"] == "deletion")].groupby("method")["value"]
    means, variances = here.mean(), here.var(ddof=1)
    order = [name.split()[1] for name in matrix]
    assert order == list(means.sort_values().index)
    for row in order:
        for column, shown in zip(order, matrix[f"{order.index(row) + 1} {row}"], strict=True):
            if row != column:
                d = (means[column] - means[row]) / ((variances[row] + variances[column]) / 2) ** 0.5
                assert float(shown.lstrip("\u25b2\u25bc ")) == pytest.approx(d, abs=0.051)


def test_agreement_is_scipys_kendall_of_the_means(page, rows):
    table = cells(page[1][page[1].index("<h2>cars"):], "Do metrics agree?")
    means = rows[rows["dataset"] == "cars"].pivot_table(index="method", columns="metric", values="value")
    means["deletion"] *= -1
    for at, (one, shown) in enumerate(zip(METRICS, table.values(), strict=True)):
        for other, tau in zip(METRICS, shown, strict=True):
            assert float(tau) == pytest.approx(stats.kendalltau(means[one], means[other]).statistic, abs=0.0051), at


@pytest.mark.parametrize("metric", METRICS)
def test_average_ranks_friedman_and_nemenyi_are_those_of_scipy_and_scikit_posthocs(page, rows, metric):
    section = page[1][page[1].index('id="over-data-sets"'):]
    section = section[section.index(f"<h3>{metric.capitalize()}, protocol partbench"):]
    means = rows[rows["metric"] == metric].pivot_table(index="dataset", columns="method", values="value")
    scores = -means if METRICS[metric] else means
    average = scores.rank(axis=1).mean()
    shown = cells(section, "The ranks")
    assert {name: float(found[0]) for name, found in shown.items()} == pytest.approx(average.to_dict(), abs=0.0051)
    chi_squared, p = stats.friedmanchisquare(*(scores[name] for name in scores))
    said = re.search(r"chi-squared ([\d.]+), p (\S+), 6 methods on 4 boards: (.*?)</p>", section)
    assert float(said[1]) == pytest.approx(chi_squared, abs=0.0051)
    assert unescape(said[2]) == (f"{p:.3f}" if p >= 0.001 else "<")
    if p < 0.05:
        critical = float(re.search(r"that are ([\d.]+) or more", said[3])[1])
        nemenyi = scikit_posthocs.posthoc_nemenyi_friedman(scores.to_numpy())
        one, other = np.triu_indices(len(METHODS), 1)
        apart = abs(average.to_numpy()[one] - average.to_numpy()[other])
        assert ((nemenyi.to_numpy()[one, other] < 0.05) == (apart >= critical)).all()
    else:
        assert "no two methods are told apart" in said[3]


def test_class_by_class_numbers_are_those_of_a_paired_t_test_over_the_items(score, tmp_path):
    random = np.random.default_rng(5)
    ease = random.uniform(0.2, 0.8, 60)
    for place in range(4):
        score(f"a{place}", ease + 0.03 * place + random.normal(0, 0.05, 60), method=f"method_{place}")
    build_report(tmp_path)
    html = (tmp_path / "report" / "statistics.html").read_text()
    items = pd.concat(pd.read_parquet(file).assign(run=file.name[:2])
                      for file in (tmp_path / "items").glob("*.parquet"))
    items = items[items["weight"].notna()]
    shares = items.assign(share=items["value"] / items["weight"]).pivot_table(index="label", columns="run",
                                                                              values="share")
    p_values, effects = [], []
    for one, other in zip(*np.triu_indices(4, 1), strict=True):
        apart = shares[f"a{one}"] - shares[f"a{other}"]
        p_values.append(stats.ttest_1samp(apart, 0).pvalue)
        effects.append(apart.mean() / apart.std())
    pairs = cells(html, "Pairs, with differences")
    corrected = multipletests(p_values, method="holm")[1]
    for (one, other), p, effect in zip(zip(*np.triu_indices(4, 1), strict=True), corrected, effects, strict=True):
        difference, _, p_shown, effect_shown, tested = pairs[f"method_{one} and method_{other}"]
        assert tested == "classes"
        assert float(difference) == pytest.approx(100 * (shares[f"a{one}"] - shares[f"a{other}"]).mean(), abs=0.051)
        # Drawn, not reckoned: errors are those of 2,000 resamples.
        assert float(effect_shown) == pytest.approx(effect, rel=0.06, abs=0.011)
        assert (p < 0.0015) if p_shown == "< 0.001" else float(p_shown) == pytest.approx(p, rel=0.4, abs=0.002)
