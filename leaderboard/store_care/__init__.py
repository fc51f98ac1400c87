"""Care of a folder of results: what is wrong in it, mending that, and making one folder of several."""

from ...contents import table_of_contents

__all__, __getattr__, __dir__ = table_of_contents(__name__, {
    "Finding": ".finding",
    "Merged": ".merging",
    "Repaired": ".repairing",
    "check_results": ".checking",
    "merge_results": ".merging",
    "repair_results": ".repairing",
})
