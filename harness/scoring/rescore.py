"""`harness score`: scores of a run under another protocol, from what its evaluations kept, without the model."""

from typing import Any

from ...errors import UserError
from ...leaderboard import Row, Store
from ...methods.catalogue import registry as methods
from ...metrics import Protocol
from ...metrics import registry as metric_cards
from ...metrics.protocol import protocol
from ..forwards import needs_of
from ..results.run_folders import known_run
from .items import items_table
from .reuse import reuse, sources
from .score import scored_cards, scores

_SCORE = ("metric", "level", "value", "ci_low", "ci_high", "n", "unit", "higher_is_better", "status", "error",
          "protocol", "protocol_id", "score_seconds")


def rescore(out: str, run: str, wanted: Protocol, split: str = "test") -> str:
    """Score a run under ``wanted`` from its items, write rows and items, and return its id.

    Raises:
        UserError: no such run; no scores yet; or the protocol needs passes that no evaluation of the run made.
    """
    run_id, store = known_run(run, out).name, Store(out)
    facts = _facts(store, run_id, split)
    needs = {need for need in needs_of(wanted) if not _beside_the_point(need, wanted, facts["method"])}
    found = reuse(sources(store, run_id, split), wanted, needs)
    if found.missing:
        raise UserError(_cannot(out, run_id, wanted, found.missing))
    scored = scores(found.evidence, wanted, methods.get(facts["method"]).class_specific)
    if not scored:
        raise UserError(f"the items of run {run_id} hold nothing that protocol {wanted.name} scores; choose another, "
                        "see: harness list protocols")
    store.write_items(run_id, wanted.id, split, items_table(found.evidence, scored, run_id, split, wanted))
    store.write_scores(run_id, wanted.id, split, [
        Row(**facts, **score.columns(metric_cards.get(score.metric)), protocol=wanted.name, protocol_id=wanted.id)
        for score in scored])
    store.build()
    return run_id


def protocol_with(name: str, changes: dict[str, Any]) -> Protocol:
    """The named protocol with ``protocol.setting`` changes, as ``--set`` gives them.

    Raises:
        UserError: no such protocol or setting.
    """
    for key in changes:
        if not key.startswith("protocol."):
            raise UserError(f"--set {key}: only settings of the protocol can change without the model; write "
                            "protocol.setting=value, for settings see: harness show partbench")
    return protocol(name, **{key.removeprefix("protocol."): value for key, value in changes.items()})


def _facts(store: Store, run_id: str, split: str) -> dict[str, Any]:
    """What every row of the run says, whatever the metric."""
    frame, _ = store.read()
    rows = frame[(frame.run_id == run_id) & (frame.split == split) & (frame.attempt == 0)]
    if not len(rows):
        raise UserError(f"run {run_id} has no scores on {split} yet; finish it with the same command as before")
    row = rows.iloc[0].to_dict()
    return {name: None if value != value else value for name, value in row.items()
            if name in Row.model_fields and name not in _SCORE}


def _beside_the_point(need: str, wanted: Protocol, method: str) -> bool:
    """Only for metrics that do not apply to the method."""
    specific = methods.get(method).class_specific
    return specific and all(card.shared_parts for card in scored_cards(wanted) if card.needs == need)


def _cannot(out: str, run_id: str, wanted: Protocol, missing: dict[str, str]) -> str:
    names = [card.name for card in scored_cards(wanted) if card.needs in missing]
    reason = next(iter(missing.values()))
    mend = f"harness run --config {out}/runs/{run_id}/spec.json --protocol {wanted.name}"
    return (f"protocol {wanted.name} cannot be scored from the items of run {run_id}: {', '.join(names)} need model "
            f"passes ({reason}); make them: {mend}")
