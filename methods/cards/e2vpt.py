"""Card of E2VPT."""

from .base import MethodCard

E2VPT = MethodCard(name="e2vpt", title="E2VPT", implementation="partbench.methods.e2vpt:E2VPT")
