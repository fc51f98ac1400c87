"""A site of ordinary and of hostile rows, built once."""

import numpy as np
import pandas as pd
import pytest

from partbench.leaderboard import Store, build_report

PROTOCOL = "1a2b3c4d"
METRICS = ("accuracy", "consistency", "consistency_gain", "stability", "insertion", "deletion", "nmi", "ari", "purity",
           "distinctiveness")
SCRIPT = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>\"'&</td></table></script>"
HOSTILE = (SCRIPT, "=cmd|'/C calc'!A0", "javascript:window.pwned=1", "word " * 400, "x" * 2000, "\u202e\u2066gnol",
           "\u05d0\u05d1\u05d2", "\U0001f99c\U0001f3f3\ufe0f\u200d\U0001f308", "${window.pwned=1}", "a\x00b\x1b[31m",
           "__proto__", "%s%n&amp;<!--")


@pytest.fixture(scope="session")
def site(tmp_path_factory, row, failed, explain_in):
    """The folder of a report: two data sets, three protocols, and one whose every text is hostile."""
    results = tmp_path_factory.mktemp("results")
    store = Store(results)
    store.check_writable()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        _ordinary(store, row)
        _hostile(store, row, failed)
        explain_in(results, "a000")
        explain_in(results, "f000", title=SCRIPT, maps=SCRIPT, dataset=SCRIPT, classes=[SCRIPT, "x" * 2000])
        (results / "rows" / "torn.parquet").write_bytes(b"PAR1")
        return build_report(results).parent


def _ordinary(store, row):
    random = np.random.default_rng(0)
    ease = random.uniform(0.2, 0.8, 20)
    places = (("cub", "deit", "partbench", PROTOCOL), ("cub", "deit", "ivpt", "99"),
              ("cars", "resnet", "partbench", PROTOCOL))
    for where, (dataset, backbone, protocol, protocol_id) in enumerate(places):
        known = {"dataset": dataset, "backbone": backbone, "protocol": protocol, "protocol_id": protocol_id}
        for method in range(4):
            for seed in range(2):
                run_id = f"a{where}{method}{seed}"
                shares = np.clip(ease + 0.05 * method + random.normal(0, 0.02, 20), 0, 1)
                _score(store, row, run_id, shares, METRICS, ("ivpt", "prompt_cam", "ivpt@bias", "other")[method],
                       seed=seed, trainable_parameters=1000 * method, train_seconds=60.0, settings={"entropy": 1.0},
                       **known)
        for control in ("random_peaks", "constant_peak"):
            _score(store, row, f"c{where}{control[0]}", ease, METRICS[1:4], f"control@{control}",
                   **known | {"backbone": ""})
        _score(store, row, f"c{where}u", ease - 0.2, METRICS[1:4], "control@ivpt+untrained", **known)


def _score(store, row, run_id, shares, metrics, method, **known):
    """Scores and what every class adds to them."""
    name, _, variant = method.partition("@")
    known = {"method": name, "variant": variant} | known
    split = known.get("split", "test")
    store.write_scores(run_id, known["protocol_id"], split, [
        row(metric, float(np.mean(shares)), run_id, higher_is_better=metric != "deletion", **known)
        for metric in metrics])
    sums = [pd.DataFrame({"metric": metric, "level": "final", "label": range(len(shares)), "value": 30 * shares,
                          "weight": 30.0}) for metric in metrics]
    store.write_items(run_id, known["protocol_id"], split, pd.concat(sums, ignore_index=True))


def _hostile(store, row, failed):
    for number, text in enumerate(HOSTILE):
        known = {"method": text, "variant": text, "dataset": SCRIPT, "backbone": SCRIPT, "protocol": SCRIPT,
                 "weights": text, "revision": text, "hardware": text, "device": text,
                 "settings": {text: text}, "versions": {text: text}}
        run_id = f"f{number:03d}"
        store.write_scores(run_id, PROTOCOL, "test", [
            row(metric, value, run_id, unit=unit, **known) for metric, value, unit in (
                ("accuracy", 0.5, "fraction"), ("consistency", 1e300, "fraction"),
                ("consistency_gain", -0.0, "fraction"), (text, 0.1 * number, text))])
        store.write_attempt(f"e{number:03d}", [failed(f"e{number:03d}", text * 3, **known)])
    store.write_scores("f999", "77", "test", [row("accuracy", 5e-324, "f999", dataset="one_row", protocol_id="77")])
