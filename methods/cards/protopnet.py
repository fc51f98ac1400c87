"""Card of ProtoPNet."""

from .base import MethodCard

PROTOPNET = MethodCard(name="protopnet", title="ProtoPNet", implementation="partbench.methods.protopnet:ProtoPNet")
