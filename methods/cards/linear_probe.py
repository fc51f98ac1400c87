"""Card of Linear probe."""

from .base import MethodCard

LINEAR_PROBE = MethodCard(name="linear_probe", title="Linear probe", implementation="partbench.methods.linear_probe:LinearProbe")
