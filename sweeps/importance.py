"""Which settings mattered: PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023) as Optuna computes it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .quiet import quiet
from .records import Objective

if TYPE_CHECKING:
    import optuna

FEWEST = 8
"""Finished trials below which no importance is told."""


def importances(study: "optuna.Study", objectives: tuple[Objective, ...]) -> Mapping[str, Mapping[str, float]]:
    """By metric, the share of each parameter in what sets the best trials apart; empty where too few have finished.

    Parameters that fewer than :data:`FEWEST` of them have, such as the last steps of a ladder, are left out.
    """
    import optuna

    finished = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    with_it = {name: [trial.params[name] for trial in finished if name in trial.params]
               for name in dict.fromkeys(name for trial in finished for name in trial.params)}
    varied = sorted(name for name, values in with_it.items() if len(values) >= FEWEST and len(set(values)) > 1)
    if not varied:
        return {}
    found = {}
    for place, objective in enumerate(objectives):
        sign = 1 if objective.higher_is_better else -1
        with quiet():  # it warns that it looks for what is small, and so it does here
            found[objective.metric] = optuna.importance.get_param_importances(
                study, evaluator=optuna.importance.PedAnovaImportanceEvaluator(), params=varied,
                target=lambda trial, place=place, sign=sign: -sign * trial.values[place])
    return found
