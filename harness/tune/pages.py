"""The pages of sweeps, drawn from their folders alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...errors import UserError
from ...leaderboard import Store
from ...metrics import registry as metrics
from ...sweeps import (
    Searched,
    SearchRecord,
    Selection,
    TrialRecord,
    importances,
    looks,
    read_record,
    read_study,
    write_sweep_page,
)
from .compared import compared
from .final import read_tests
from .folder import SweepFolder, begun_folders
from .plans import begun_plan


def write_pages(out: str) -> list[str]:
    """Draw the page of every sweep in a folder of results again; returns what kept any from it, a line each."""
    problems = []
    for folder in begun_folders(out):
        try:
            write_page(folder)
        except UserError as error:
            problems.append(f"sweep {folder.name}: {error}")
    return problems


def write_page(folder: SweepFolder) -> str:
    """Draw the page of one sweep, as far as it has come, and return its path.

    Raises:
        UserError: its folder cannot be read, or the page cannot be written.
    """
    searches = [searched(folder, method) for method in folder.methods]
    return write_sweep_page(folder.out / "report", folder.name, searches)


def searched(folder: SweepFolder, method: str) -> Searched:
    """The search of one method: its trials, which of them is kept, and what was tested.

    Raises:
        UserError: the folder holds no such search, or a broken one.
    """
    plan, study = begun_plan(folder, method), read_study(folder.journal(method))
    record, tests = _written_out(read_record(study, plan), plan.paper), read_tests(folder, method)
    begun, kept, notes = folder.begun(method), None, [f"{said}." for said in [looks(tests)] if said]
    try:
        kept = Selection.parse(begun.request.select, metrics.cards).choose(record.trials, plan.objectives)
        notes += [*_within_noise(folder, begun.protocol_id, record, kept), *plan.space.edges(kept.params)]
    except UserError as error:
        notes += [f"No trial is kept: {error}."]
    return Searched(record, importances(study, plan.objectives), kept, notes, tests)


def _within_noise(folder: SweepFolder, protocol_id: str, record: SearchRecord, kept: TrialRecord) -> list[str]:
    """A warning where validation images do not show that the kept setting is better than the paper's in anything."""
    paper = record.trials[0].run_id
    if kept.run_id == paper:
        return []
    store = Store(folder.out)
    rows, _ = store.current()
    own = (rows["split"] == "val") & (rows["sweep"] == folder.name) & (rows["protocol_id"] == protocol_id)
    better = {objective.metric: objective.higher_is_better for objective in record.objectives}
    found = [one for one in compared(store, rows[own], list(better), {paper}, {kept.run_id}) if one.p_value is not None]
    if not found or any(one.told_apart and (one.difference > 0) == better[one.metric] for one in found):
        return []
    said = " and ".join(f"{one.metric.replace('_', ' ')} (p {one.p_value:.2g})" for one in found)
    return [f"Validation images do not show that the kept setting is better than the paper's in {said}: what it seems "
            "to gain may be luck. Test it with --final, or validate on more images."]


def _written_out(record: SearchRecord, paper: Mapping[str, Any]) -> SearchRecord:
    """With every setting of every trial: one that has no effect beside others is the paper's."""
    return replace(record, trials=tuple(replace(trial, settings={**paper, **trial.settings})
                                        for trial in record.trials))
