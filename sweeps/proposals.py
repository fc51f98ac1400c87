"""The next trial of a search, as its sampler proposes it from nothing but what the journal says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .quiet import quiet
from .samplers import sampler
from .search_plan import SearchPlan
from .study_records import rungs_of

if TYPE_CHECKING:
    import optuna


def propose(plan: SearchPlan, trials: "Sequence[optuna.trial.FrozenTrial]",
            notes: dict[str, Any]) -> "optuna.trial.FrozenTrial":
    """The trial that follows; the paper's setting is the first.

    It is drawn in memory and begins with all its parameters at once: one that a kill left with some of them would draw
    the others from the sampler's first numbers again, and no longer be the trial that it was to be.

    Args:
        trials: all before it, by number.
        notes: further attributes of the trial; JSON.

    Returns:
        A running trial, with its settings as an attribute.
    """
    import optuna

    paper = None if trials else plan.space.params_of(plan.paper)
    with quiet():
        study = optuna.create_study(directions=plan.directions, sampler=sampler(plan.sampler, plan.seed, len(trials)))
        study.add_trials(_shown(plan, trial) for trial in trials)
        if paper is not None:
            study.enqueue_trial(paper)
        trial = study.ask()
        settings = plan.space.suggest(trial)
        trial.relative_params  # noqa: B018 (asked for these, genetic samplers note the generation, also of trial 0)
    drawn = study.get_trials(deepcopy=False)[-1]
    # What the space cannot express of the paper's setting has no parameter: a drawn one would be a falsehood.
    names = [name for name in drawn.params if paper is None or name in paper]
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING, params={name: drawn.params[name] for name in names},
        distributions={name: drawn.distributions[name] for name in names}, system_attrs=drawn.system_attrs,
        user_attrs={"settings": settings if paper is None else dict(plan.paper), **notes})


def _shown(plan: SearchPlan, trial: "optuna.trial.FrozenTrial") -> "optuna.trial.FrozenTrial":
    """A trial as its sampler sees it.

    A paper's setting outside of the space is not shown: samplers that look at the parameters which all trials share
    would draw the missing ones at random for ever.
    """
    from optuna.trial import TrialState, create_trial

    if trial.state == TrialState.FAIL or not (trial.number or plan.space.expresses(plan.paper)):
        return create_trial(state=TrialState.FAIL)
    return create_trial(state=trial.state, values=trial.values, params=trial.params,
                        distributions=trial.distributions, system_attrs=trial.system_attrs,
                        constraints=_without_gain(trial) if plan.bound else None)


def _without_gain(trial: "optuna.trial.FrozenTrial") -> dict[str, float]:
    """Optuna's constraint, met at or below 0: consistency without gain is what maps that ignore the image have."""
    reached = rungs_of(trial)
    if not trial.state.is_finished() or not reached:
        return {}
    return {"gain": 1e-9 - reached[max(reached)]["values"]["consistency_gain"]}
