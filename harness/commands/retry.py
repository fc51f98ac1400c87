"""`harness run --retry failed`: the runs that ended badly, again, from the specs that they left."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...errors import UserError, unknown
from ...leaderboard import Store
from ...leaderboard.rows import SCORED, STATUSES
from ..config import listed, make_config
from ..plan import Plan, make_plan
from ..results.place import results_at
from ..results.run_folders import run_folder

_ASKED_ANEW = ("out", "in_process", "address", "gpus_per_run", "memory_per_run", "workers_per_run", "timeout",
                "budget", "gradient_checkpointing")
"""Fields that say how runs are done, and nothing of what they are."""
_RETRIED = sorted(set(STATUSES) - SCORED - {"pruned"})


def retry_plan(statuses: str, given: Mapping[str, Any]) -> Plan:
    """Every run of a folder whose latest end is one of ``statuses``.

    Args:
        statuses: such as ``failed`` or ``failed,timeout``.
        given: what the command says besides; ``methods`` and ``dataset`` narrow the runs down.

    Raises:
        UserError: an unknown status, a field that would make another run of it, no such run, or a spec that cannot be
            read or no longer describes the run.
    """
    wanted = listed(statuses)
    for status in wanted:
        if status not in _RETRIED:
            raise unknown("status for --retry", status, _RETRIED)
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in (*_ASKED_ANEW, "methods", "dataset"):
            raise UserError(f"--retry takes runs as their specs describe them; leave out --{name.replace('_', '-')}")
    results = results_at(given.get("out", "results"))
    results.fetch("rows")
    results.fetch("runs", wanted=lambda name: name.endswith("/spec.json"))
    frame, _ = Store(results.folder).current()
    rows = frame[frame.status.isin(wanted)]
    if "dataset" in given:
        rows = rows[rows.dataset == given["dataset"]]
    if "methods" in given:
        names = rows.method + ("@" + rows.variant).where(rows.variant != "", "")
        rows = rows[names.isin(listed(given["methods"])) | rows.method.isin(listed(given["methods"]))]
    plans = [_planned(run_id, results.folder, given) for run_id in dict.fromkeys(rows.run_id)]
    if not plans:
        raise UserError(f"no run in {given.get('out', 'results')} ended as {' or '.join(wanted)}; see: harness list "
                        "runs")
    jobs = {job.run_id: job for plan in plans for job in plan.jobs}
    config = plans[0].config.model_copy(update={"threads": max(job.spec.threads for job in jobs.values())})
    return replace(plans[0], config=config, jobs=tuple(jobs.values()), finished=frozenset())


def _planned(run_id: str, out: str, given: Mapping[str, Any]) -> Plan:
    """The plan that does one run again."""
    file = run_folder(out, run_id) / "spec.json"
    anew = {name: value for name, value in given.items() if name in _ASKED_ANEW}
    plan = make_plan(make_config({"out": out} | anew, str(file)))
    if plan.jobs[0].run_id != run_id:
        raise UserError(f"{run_id} cannot be tried again: its data set, its weights or its method changed, so that "
                        f"{file} now describes {plan.jobs[0].run_id}; run that by: harness run --config {file}")
    return plan
