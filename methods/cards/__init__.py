"""Cards of the shipped methods: settings with bounds and defaults, without torch."""

from ...contents import table_of_contents

__all__, __getattr__, __dir__ = table_of_contents(__name__, {
    "E2VPT": ".e2vpt",
    "HUANG2023": ".huang2023",
    "IVPT": ".ivpt",
    "Ladder": ".base",
    "LINEAR_PROBE": ".linear_probe",
    "MethodCard": ".base",
    "PROMPT_CAM": ".prompt_cam",
    "PROTOPNET": ".protopnet",
    "Tunable": ".base",
    "VPT_DEEP": ".vpt",
    "VPT_DEEP_PROTO": ".vpt_deep_proto",
    "VPT_SHALLOW": ".vpt",
})
