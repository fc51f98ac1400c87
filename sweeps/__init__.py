"""Sweeps: Optuna search over what a method declares tunable."""

from ..contents import table_of_contents

__all__, __getattr__, __dir__ = table_of_contents(__name__, {})
