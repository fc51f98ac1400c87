"""Card of Huang et al. 2023."""

from .base import MethodCard

HUANG2023 = MethodCard(name="huang2023", title="Huang et al. 2023", implementation="partbench.methods.huang2023:Huang2023")
