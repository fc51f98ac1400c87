"""From a request to searches: what each method's trials share, and what makes one search another than the next."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...datasets import registry as datasets
from ...errors import UserError, unknown
from ...methods.cards.base import split_name
from ...methods.catalogue import registry as methods
from ...metrics import MetricCard
from ...metrics import registry as metrics
from ...sweeps import (
    SAMPLERS,
    Objective,
    Rungs,
    SearchPlan,
    Space,
    default_sampler,
    is_consistency,
    search_by_method,
)
from ..plan import Job, make_plan
from ..spec import RunSpec, canonical
from .config import TuneConfig
from .folder import SweepFolder, sweep_folder

_SAID_ELSEWHERE = {"settings", "method", "variant", "trained_as"}  # in a search's identity, or in none


@dataclass(frozen=True)
class Prepared:
    """The search of one method, and the run that its trials are like.

    Attributes:
        plan: of the search.
        job: of trial 0, the paper's setting.
    """

    plan: SearchPlan
    job: Job


def prepared(config: TuneConfig) -> list[Prepared]:
    """One search per method.

    Raises:
        UserError: anything in the request that cannot work, as far as can be told without torch.
    """
    if config.sampler is not None and config.sampler not in SAMPLERS:
        raise unknown("sampler", config.sampler, SAMPLERS)
    names = methods.names() if config.methods == ("all",) else config.methods
    config = config.model_copy(update={"methods": tuple(dict.fromkeys(names))})
    _check_set(config)
    jobs = {method: trial_job(config, method, "") for method in config.methods}
    plans = {method: search_plan(config, method, job.spec, job.protocol.id) for method, job in jobs.items()}
    for method, job in jobs.items():
        _check_objectives(config, method, job)
        _check_budget(plans[method])
    name = config.name or _name(plans, config.sampler is None)
    folder = sweep_folder(config.out, name)
    return [Prepared(_named(plan, config, folder), replace(jobs[method], sweep=name))
            for method, plan in plans.items()]


def search_plan(config: TuneConfig, method: str, spec: RunSpec, protocol_id: str) -> SearchPlan:
    """The search of one method, as yet without a name; needs no data set.

    Args:
        spec: of trial 0.

    Raises:
        UserError: what is to be searched does not fit the method, or an unknown objective.
    """
    objectives = tuple(map(_objective, config.objectives))
    rungs = Rungs.of(spec.epochs, lowest=None if config.halving else spec.epochs)
    allowed = config.allowed
    # Searches keep the identity that they had before there was a store.
    unsaid = _SAID_ELSEWHERE if spec.views else _SAID_ELSEWHERE | {"views"}
    return SearchPlan(
        name="", method=method, dataset=spec.dataset, backbone=spec.backbone, image_size=spec.image_size,
        objectives=objectives, space=_space(config, method, spec), paper=spec.settings, rungs=rungs,
        amount=allowed.amount, unit=allowed.unit, seed=config.search_seed,
        sampler=config.sampler or default_sampler(_trials(allowed.amount, allowed.unit, rungs)),
        identity=spec.model_dump(mode="json", exclude=unsaid) | {"protocol_id": protocol_id})


def begun_plan(folder: SweepFolder, method: str) -> SearchPlan:
    """The search of one method as its folder has it, wherever its data set is now.

    Raises:
        UserError: the folder holds no search of the method, or one that this version cannot read.
    """
    begun = folder.begun(method)
    if begun is None:
        raise UserError(f"{folder.path} holds no search of {method}; give the command that begins it")
    return _named(search_plan(begun.request, method, begun.spec, begun.protocol_id), begun.request, folder)


def _named(plan: SearchPlan, config: TuneConfig, folder: SweepFolder) -> SearchPlan:
    """With its name, and with the sampler that it was begun with: a budget that grows has another default."""
    begun = folder.begun(plan.method) if config.sampler is None else None
    return replace(plan, name=folder.name, sampler=begun.sampler if begun else plan.sampler)


def trial_job(config: TuneConfig, method: str, name: str, settings: Mapping[str, Any] | None = None,
              until: int | None = None) -> Job:
    """The run of a trial: fitted on train, scored on val by what the search asks for and no more.

    Args:
        settings: on top of the request's.
        until: epochs after which it stops for now.
    """
    scored = {metric: metrics.get(metric).version for metric in _scored(config.objectives)}
    request = config.of_method(method, settings or {}, seeds=config.seeds[:1], fit_on="train", split="val", sweep=name)
    (job,) = make_plan(request.model_copy(update={"set": request.set | {"protocol.metric_versions": scored}})).jobs
    return job if until is None else job.until_epoch(until)


def _scored(objectives: tuple[str, ...]) -> list[str]:
    """The objectives, and wherever one is a consistency its gain."""
    for name in objectives:
        if name not in metrics.cards:
            raise unknown("objective", name, metrics.cards)
    gain = ["consistency_gain"] if any(map(is_consistency, objectives)) else []
    return list(dict.fromkeys([*objectives, *gain]))


def _objective(name: str) -> Objective:
    card: MetricCard = metrics.get(name)
    return Objective(name, card.higher_is_better, 0.0 if card.higher_is_better else 1.0)


def _check_set(config: TuneConfig) -> None:
    known = {split_name(method)[0] for method in config.methods}
    for key in config.set:
        if key.partition(".")[0] not in (*known, config.dataset, "protocol"):
            raise unknown("name in --set", key.partition(".")[0], (*known, config.dataset, "protocol"))


def _check_objectives(config: TuneConfig, method: str, job: Job) -> None:
    """As far as cards tell; the rest shows before the first trial trains."""
    data, card = datasets.get(config.dataset), methods.get(job.spec.method)
    for name in config.objectives:
        metric = metrics.get(name)
        if metric.annotated_parts and data.counts.get("parts") == 0:
            raise UserError(f"objective {name} needs annotated parts, and {data.name} has none; choose another, see: "
                            "harness list metrics")
        if metric.shared_parts and card.class_specific:
            raise UserError(f"objective {name} needs parts that classes share, and those of {method} belong to one; "
                            "choose another, see: harness list metrics")


def _space(config: TuneConfig, method: str, spec: RunSpec) -> Space:
    name, variant = split_name(method)
    written = search_by_method(config.search, config.methods)[method]
    return Space.of(name, variant, methods.get(name).tunables, spec.settings, written)


def _trials(amount: float, unit: str, rungs: Rungs) -> float:
    """About how many trials a budget is; of minutes nobody knows."""
    return {"trials": amount, "epochs": amount / rungs.epochs[0]}.get(unit, float("inf"))


def _check_budget(plan: SearchPlan) -> None:
    if plan.unit == "epochs" and plan.amount < plan.rungs.epochs[-1]:
        raise UserError(f"--budget {plan.amount:g} epochs is less than one trial of {plan.rungs.epochs[-1]}; "
                        "give more, or fewer --epochs")


def _name(plans: Mapping[str, SearchPlan], any_sampler: bool) -> str:
    """Methods, data set, and six digits of all that the searches are.

    Args:
        any_sampler: it follows from the budget at the start, and is no other search's when the budget grows.
    """
    contents = [{key: value for key, value in plan.content.items() if not (any_sampler and key == "sampler")}
                for plan in plans.values()]
    digest = hashlib.sha256(canonical(contents).encode()).hexdigest()[:6]
    said = re.sub(r"[^A-Za-z0-9_-]", "_", "-".join([*plans, next(iter(plans.values())).dataset]))
    return f"{said[:50]}-{digest}"
