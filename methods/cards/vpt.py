"""Card of VPT-Shallow."""

from .base import MethodCard

VPT_SHALLOW = MethodCard(name="vpt_shallow", title="VPT-Shallow", implementation="partbench.methods.vpt:VPTShallow")

VPT_DEEP = MethodCard(name="vpt_deep", title="VPT-Deep", implementation="partbench.methods.vpt:VPTDeep")
