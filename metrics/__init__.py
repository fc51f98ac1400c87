"""Metrics: one file each, tensors in and numbers out; protocols, statistics and control explanations."""

from importlib import import_module

# No file is called as one of these names: importing it would put the module in the function's place.
_HOME = {
    "ARI": ".clustering",
    "Accuracy": ".classification",
    "AccuracyBalanced": ".classification",
    "AccuracyTop5": ".classification",
    "Consistency": ".part_consistency",
    "ConsistencyGain": ".part_consistency_gain",
    "Deletion": ".fidelity",
    "Insertion": ".fidelity",
    "MetricCard": ".catalogue",
    "NMI": ".clustering",
    "Protocol": ".protocol",
    "Stability": ".part_stability",
    "accuracy": ".classification",
    "accuracy_balanced": ".classification",
    "ari": ".clustering",
    "auc": ".fidelity",
    "best_constant_peak": ".controls",
    "blurred": ".substrates",
    "centre_peak": ".controls",
    "class_bootstrap": ".statistics",
    "consistency": ".part_consistency",
    "consistency_gain": ".part_consistency_gain",
    "fidelity_subset": ".subset",
    "nmi": ".clustering",
    "noisy": ".perturbation",
    "part_assignment": ".assignment",
    "part_hits": ".hits",
    "peaks": ".peak_search",
    "perturbation_curve": ".fidelity",
    "protocols": ".protocol",
    "random_peaks": ".controls",
    "registry": ".catalogue",
    "stability": ".part_stability",
    "substrate": ".substrates",
    "upsample_saliency": ".fidelity",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
