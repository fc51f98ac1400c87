"""Card of VPT-Deep with prototypes."""

from .base import MethodCard

VPT_DEEP_PROTO = MethodCard(name="vpt_deep_proto", title="VPT-Deep with prototypes", implementation="partbench.methods.vpt_deep_proto:VPTDeepProto")
