"""Sweeps: Optuna search over what a method declares tunable."""

__all__: list[str] = []
