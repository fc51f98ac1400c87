"""From a request to the runs it needs, without torch: settings checked, ids known, finished runs left out."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ..datasets import DatasetCard, decoded_fingerprint, load
from ..datasets import registry as datasets
from ..errors import UserError
from ..leaderboard import Store
from ..methods.cards.backbones import default_size, shipped
from ..methods.cards.base import MethodCard, split_name
from ..methods.catalogue import registry as methods
from ..metrics.protocol import SUBSETS, Protocol, protocol
from .config import RunConfig
from .controls.names import missing_controls
from .forwards import needs_of
from .prefix.choice import LIMIT, views_to_store
from .results.place import results_at
from .spec import RunSpec, Trained, canonical
from .spread.shares import check_batch, check_method

_QUICK_IMAGES = 20


@dataclass(frozen=True)
class Job:
    """One run to do, with what is not part of its identity.

    Attributes:
        data_root: folder of the data set; None where it is drawn.
        decoded_side: longer side of pictures that are decoded once and kept; None decodes the files every time.
        weights: what :func:`partbench.methods.load_backbone` takes.
        split: scored on it.
        controls: score what a blind or untrained explainer gets from the same model, too.
        sweep: the search that its settings come from, for its rows; empty for none.
        until: epochs after which to stop for now and score what there is; None: after the last.
        accumulation: steps whose gradients are added up for one update, so that a batch fits into memory.
        workers: processes that train the run together.
        gradient_checkpointing: blocks' activations are computed again by the backward pass, to fit into memory.
        prefix_store: bytes that stored views may take; None: the usual limit.
        remote: URL of the results that ``out`` is a local copy of; empty where it is no copy.
    """

    spec: RunSpec
    data_root: str | None
    decoded_side: int | None
    weights: str | None
    protocol: Protocol
    split: str
    out: str
    controls: bool = False
    sweep: str = ""
    until: int | None = None
    accumulation: int = 1
    workers: int = 1
    remote: str = ""
    gradient_checkpointing: bool = False
    prefix_store: int | None = None

    def until_epoch(self, epochs: int) -> "Job":
        """The same, to stop after so many epochs."""
        return replace(self, until=epochs)

    @property
    def of_search(self) -> bool:
        """It is a trial: other settings may do where its own do not."""
        return bool(self.sweep) and self.split == "val"

    @property
    def partial(self) -> bool:
        """It stops before the last epoch."""
        return self.until is not None and self.until < self.spec.epochs

    @property
    def run_id(self) -> str:
        return self.spec.run_id


@dataclass(frozen=True)
class Plan:
    """Every run of a request.

    Attributes:
        finished: ids of those that are.
        hopeless: ids of those that no learning rate was found for.
    """

    config: RunConfig
    jobs: tuple[Job, ...]
    finished: frozenset[str]
    hopeless: frozenset[str] = frozenset()

    @property
    def todo(self) -> list[Job]:
        return [job for job in self.jobs if job.run_id not in self.finished | self.hopeless]


def make_plan(config: RunConfig, rates: Mapping[str, float | None] | None = None,
              fingerprint: str | None = None) -> Plan:
    """Resolve a request.

    Args:
        rates: the rate factor of a method by its name, None where every trial of it failed; a method that is not named
            takes the request's first factor.
        fingerprint: stands in for the data set's own where the data are not at hand; ids then mean nothing.

    Raises:
        UserError: anything in it that cannot work, as far as can be told without torch.
    """
    dataset = datasets.get(config.dataset)
    config = _completed(config, dataset)
    folder = dataset.folder(config.data_root)
    root = None if dataset.generated else str(folder.absolute())
    cards = _named(config)
    _check_set(config, cards)
    options = _overrides(config, dataset.name) | ({"labels": config.labels} if config.labels else {})
    if (config.fit_on, config.split) == ("train+val", "val"):
        raise UserError("--split val --fit-on train+val scores images that were trained on; use --fit-on train, or "
                        "score --split test")
    at_hand, fingerprint = fingerprint is None, fingerprint or dataset.fingerprint_of(root, **options)
    if config.decoded_side:
        fingerprint = decoded_fingerprint(fingerprint, config.decoded_side)
    common = {
        "dataset": dataset.name,
        "dataset_options": dataset.resolve(options).model_dump(mode="json"),
        "dataset_fingerprint": fingerprint,
        "backbone": config.backbone,
        "weights": digest(config),
        "image_size": config.image_size,
        "precision": config.precision,
        "threads": config.threads,
        "fit_on": config.fit_on,
        "preset": config.preset,
    }
    limit = LIMIT if config.prefix_store is None else config.prefix_store
    rules, results = _protocol(config), results_at(config.out)
    weights = str(Path(config.weights).absolute()) if config.weights not in (None, "random") else config.weights
    jobs, hopeless, rates = {}, set(), rates or {}
    for card, variant in cards:
        check_method(card, config.workers_per_run)
        settings = card.resolve(variant, _overrides(config, card.name), config.preset).model_dump(mode="json")
        for seed in config.seeds:
            spec = RunSpec(
                method=card.name, variant=variant, method_version=card.version, settings=settings, seed=seed,
                trained_as=_trained_as(card, variant, settings),
                epochs=config.epochs or card.epochs[config.preset],
                batch_size=config.batch_size or card.images_per_step(config.preset), **common)
            check_batch(spec.batch_size, config.workers_per_run)
            if limit and (prefix := card.prefix(card.settings(**spec.training.settings))):
                images = _stored_images(dataset.name, root, canonical(options), fingerprint) if at_hand else (
                    dataset.counts.get("train", 0) + dataset.counts.get("val", 0))
                views = views_to_store(prefix, config.backbone, config.image_size, images, limit)
                spec = spec.model_copy(update={"views": views})
            factor = rates.get(spec.name, config.rate_factors[0])
            spec = spec.model_copy(update={"rate_factor": factor or config.rate_factors[0]})
            jobs[spec.run_id] = Job(spec, root, config.decoded_side, weights, rules, config.split, results.folder,
                                    config.controls, config.sweep, workers=config.workers_per_run,
                                    remote=results.remote, gradient_checkpointing=config.gradient_checkpointing,
                                    prefix_store=config.prefix_store)
            if factor is None:
                hopeless.add(spec.run_id)
    results.fetch("rows")
    finished = frozenset() if config.force else _finished(Store(results.folder), jobs, rules, config)
    return Plan(config, tuple(jobs.values()), finished, frozenset(hopeless) - finished)


@cache
def _stored_images(name: str, root: str | None, options: str, fingerprint: str) -> int:
    """How many images are trained on at most. Of the training split too: both then share their views."""
    return len(load(name, root=root, **json.loads(options))["train+val"])


def _trained_as(card: MethodCard, variant: str, settings: dict) -> Trained | None:
    """What a run shares its training with where it differs in its explanation alone; None where it is itself that."""
    if not card.explaining:
        return None
    plain = card.settings().model_dump(mode="json")
    shared = settings | {name: plain[name] for name in card.explaining}
    own = "" if set(card.variants.get(variant, {})) <= set(card.explaining) else variant
    return None if (own, shared) == (variant, settings) else Trained(variant=own, settings=shared)


def _finished(store: Store, jobs: dict[str, Job], rules: Protocol, config: RunConfig) -> frozenset[str]:
    """Runs that have their scores, and their controls where those are asked for."""
    known = store.finished(rules.id, config.split, config.sweep)
    return frozenset(run_id for run_id, job in jobs.items()
                     if run_id in known and not (job.controls and missing_controls(run_id, rules, config.split, known)))


def _completed(config: RunConfig, dataset: DatasetCard) -> RunConfig:
    """What the user left open, as data set and backbone say."""
    backbone = config.backbone or dataset.default_backbone
    return config.model_copy(update={
        "backbone": backbone,
        "image_size": config.image_size or default_size(backbone),
        "preset": config.preset or dataset.default_preset,
    })


def _named(config: RunConfig) -> list[tuple[MethodCard, str]]:
    names = methods.names() if config.methods == ("all",) else config.methods
    found = []
    for method, variant in map(split_name, names):
        card = methods.get(method)
        card.resolve(variant)
        found.append((card, variant))
    return found


def _check_set(config: RunConfig, cards: list[tuple[MethodCard, str]]) -> None:
    named = {card.name for card, _ in cards}
    for key in config.set:
        method = key.partition(".")[0]
        if method not in (*named, config.dataset, "protocol"):
            methods.get(method)
            raise UserError(f"--set {key}: '{method}' is not among the methods of this request; add it to --methods")


def _overrides(config: RunConfig, method: str) -> dict:
    return {key.partition(".")[2]: value for key, value in config.set.items() if key.partition(".")[0] == method}


def _protocol(config: RunConfig) -> Protocol:
    """The protocol of a request. How many images it takes only changes one that measures on a part of them."""
    named = protocol(config.protocol)
    needs = needs_of(named)
    changes = {}
    if config.preset == "quick":
        changes = {name: _QUICK_IMAGES for name, about in SUBSETS.items() if about & needs}
    if config.fidelity_images and SUBSETS["fidelity_images"] & needs:
        changes["fidelity_images"] = config.fidelity_images
    return protocol(config.protocol, **changes | _overrides(config, "protocol"))


def digest(config: RunConfig) -> str:
    """What stands for the weights in a run's identity: a file's SHA-256 (16 digits), the timm name, or ``random``.

    The file of a backbone that comes with partbench counts like one that the user gives.

    Raises:
        UserError: the file is missing or cannot be read.
    """
    if config.weights == "random":
        return "random"
    path = config.weights or shipped(config.backbone)
    if path is None:
        return f"timm:{config.backbone}"
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise UserError(f"--weights {config.weights}: {error.strerror or os.strerror(error.errno)}; "
                        "give a .safetensors or .pth file, or 'random'") from None


