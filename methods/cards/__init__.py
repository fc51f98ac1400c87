"""Cards of the shipped methods: settings with bounds and defaults, without torch."""

from ...contents import table_of_contents

__all__, __getattr__, __dir__ = table_of_contents(__name__, {
    "IVPT": ".ivpt",
    "MethodCard": ".base",
    "PROMPT_CAM": ".prompt_cam",
})
