"""A results folder of generated rows, as large as a leaderboard of years: what the report's speed is measured on.

    python benchmarks/generated_results.py OUT
"""

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from partbench.leaderboard import Row, Store
from partbench.metrics import registry

METHODS, DATASETS, SEEDS = 50, 8, 5
_NAMED = ("ivpt", "prompt_cam", "vpt_shallow", "vpt_deep", "vpt_deep_proto", "e2vpt", "protopnet", "huang2023",
          "linear_probe", "ivpt@bias")
_CONTROLS = ("random_peaks", "centre_peak", "constant_peak", "edge_peaks")
_METRICS = ("accuracy", "consistency", "consistency_gain", "stability", "insertion", "deletion", "occlusion_agreement",
            "nmi", "ari", "keypoint_regression", "consistency_global", "consistency_min3", "consistency_soft",
            "stability_active", "empty_rate", "distinctiveness", "purity", "insertion_normalised",
            "deletion_normalised", "accuracy_top5")
_STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def generate(out: Path, methods: int = METHODS, datasets: int = DATASETS, seeds: int = SEEDS, seed: int = 0) -> int:
    """Write ``methods * datasets * seeds`` runs of 20 metrics, controls, and a failed run in a hundred.

    Every method has a skill of its own on every metric, every data set its ease; the last method is missing on the
    first data set. Returns the number of rows.
    """
    random = np.random.default_rng(seed)
    store, rows = Store(out), 0
    store.check_writable()
    skill = random.normal(0, 0.06, (methods, len(_METRICS)))
    ease = random.uniform(0.3, 0.6, (datasets, len(_METRICS)))
    for dataset in range(datasets):
        for method in range(methods):
            for turn in range(seeds):
                if dataset == 0 and method == methods - 1:
                    continue
                run_id = f"{(dataset * methods + method) * seeds + turn:016x}"
                about = _about(run_id, method, dataset, turn, random)
                if random.random() < 0.01:
                    store.write_attempt(run_id, [Row(**about, status="failed", error="loss term 'entropy' is nan")])
                    continue
                values = np.clip(ease[dataset] + skill[method] + random.normal(0, 0.01, len(_METRICS)), 0, 1)
                rows += _score(store, about, values)
        for place, control in enumerate(_CONTROLS):
            about = _about(f"c{dataset:07x}{place:08x}", 0, dataset, 0, random)
            about |= {"method": "control", "variant": control, "backbone": "", "settings": {}}
            rows += _score(store, about, np.clip(ease[dataset] - 0.1, 0, 1), only="consistency")
    return rows


def _about(run_id: str, method: int, dataset: int, seed: int, random: np.random.Generator) -> dict:
    named = _NAMED[method] if method < len(_NAMED) else f"method_{method:02d}"
    name, _, variant = named.partition("@")
    started = _STARTED + timedelta(minutes=int(random.integers(500_000)))
    seconds = float(random.uniform(60, 4000))
    return {
        "run_id": run_id, "method": name, "variant": variant, "dataset": f"dataset_{dataset}", "seed": seed,
        "dataset_fingerprint": f"{dataset:064x}", "backbone": "deit_tiny_patch16_224", "weights": "7d0396e98c29e5e8",
        "image_size": 224, "epochs": 25, "preset": "default", "protocol": "partbench", "protocol_id": "bd6fb743f0fa",
        "settings": {"learning_rate": 0.01, "prototypes": [17, 14, 11, 8, 5], "weight_decay": 0.0001, "width": method},
        "n": 1090, "train_seconds": seconds, "explain_seconds": seconds / 5, "score_seconds": seconds / 80,
        "peak_memory_mb": 1245.0, "trainable_parameters": 10_000 * (method + 1), "total_parameters": 5_506_752,
        "device": "cpu", "hardware": "x86_64, 2 cores", "threads": 1, "revision": "0.1.0",
        "versions": {"numpy": "2.4.6", "partbench": "0.1.0", "timm": "1.0.31", "torch": "2.15.0"},
        "started_at": started, "finished_at": started + timedelta(seconds=seconds)}


def _score(store: Store, about: dict, values: np.ndarray, only: str = "") -> int:
    """Write the scores of one run; ``only``: metrics whose names begin with it."""
    cards = registry.cards
    rows = [Row(**about, metric=metric, value=float(value), ci_low=max(0.0, float(value) - 0.02),
                ci_high=min(1.0, float(value) + 0.02), unit=cards[metric].unit,
                higher_is_better=cards[metric].higher_is_better)
            for metric, value in zip(_METRICS, values, strict=True) if metric.startswith(only)]
    store.write_scores(about["run_id"], about["protocol_id"], "test", rows)
    return len(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="an empty folder")
    print(f"{generate(parser.parse_args().out):,} rows")
