"""Sweeps: Optuna search over what a method declares tunable."""

from ..contents import table_of_contents

__all__, __getattr__, __dir__ = table_of_contents(__name__, {
    "Difference": ".tested",
    "Objective": ".records",
    "Rungs": ".halving",
    "SAMPLERS": ".samplers",
    "Search": ".search",
    "SearchPlan": ".search_plan",
    "SearchRecord": ".records",
    "Searched": ".searched",
    "Selection": ".selection",
    "Space": ".space",
    "Tested": ".tested",
    "TrialOutcome": ".search_plan",
    "TrialRecord": ".records",
    "carry_out": ".driver",
    "default_sampler": ".samplers",
    "importances": ".importance",
    "is_consistency": ".records",
    "looks": ".tested",
    "parse_search": ".narrowing",
    "read_record": ".study_records",
    "read_study": ".journal",
    "search_by_method": ".narrowing",
    "sole_writer": ".journal",
    "write_sweep_page": ".page",
})
