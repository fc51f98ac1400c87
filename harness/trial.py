"""One run from spec to rows: data set, backbone, method; train, evaluate, write."""

import gc
import json
import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

import torch

from ..durable import write_whole
from ..errors import UserError
from ..leaderboard import Row, Store
from ..methods import Backbone, Method, create, load_backbone
from ..methods.catalogue import registry as methods
from ..metrics import registry as metric_cards
from .controls.names import control_id, missing_controls
from .controls.of_a_run import controls_cost, method_controls
from .decoding import decoding_workers
from .forwards import needs_of
from .loaders import Normalise
from .opened import opened
from .passes.context import Context
from .passes.evaluate import draw_gallery, evaluate, evaluation_cost
from .plan import Job
from .prefix.plain import PlainViews
from .progress import Event, Interrupted, Reporter
from .results.row_facts import measured, requested
from .results.run_copy import RunCopy
from .results.run_folders import run_folder
from .results.run_log import run_log
from .results.saved_spec import saved_spec
from .schedule.attempts import STOPPED, write_attempt
from .schedule.outcome import Outcome
from .scoring.evidence import Evidence
from .scoring.items import items_table
from .scoring.lacking import lacking
from .scoring.reuse import reuse, sources
from .scoring.score import Score, scored_cards, scores
from .seeds import derive
from .spec import RunSpec
from .spread.ranks import ALONE, Ranks, lost_contact
from .spread.shares import check_batch
from .training.allocator import keep_freed_memory
from .training.checkpoint import clear_checkpoints
from .training.losses import FILE as LOSSES
from .training.out_of_memory import is_out_of_memory
from .training.train import Diverged
from .training.trainee import Trainee

log = logging.getLogger("partbench")
_backbones: dict[tuple, Backbone] = {}


def run_job(job: Job, tell: Callable[[Event], None] = lambda event: None,
            stopped: Callable[[], bool] = lambda: False, cores: int | None = None, ranks: Ranks = ALONE) -> Outcome:
    """Do one run to its end, whatever that is, and leave its rows.

    Args:
        tell: hears what the run does.
        stopped: asked at every step whether to stop.
        cores: the run's share of this machine; None: all of it.
        ranks: the processes that train the run together, of which this is the first.
    """
    copy = RunCopy(job)
    try:
        copy.fetch()
    except UserError as error:
        return Outcome(job.run_id, "failed", str(error))
    return copy.ended(_done(copy, tell, stopped, cores, ranks))


def _done(copy: RunCopy, tell: Callable[[Event], None], stopped: Callable[[], bool], cores: int | None,
          ranks: Ranks) -> Outcome:
    job = copy.job
    folder = run_folder(job.out, job.run_id)
    trial = Trial(job, folder, Reporter(tell, stopped), decoding_workers(job.spec.threads, cores), copy.checkpoint,
                  ranks)
    with run_log(folder / "log.txt"):
        try:
            with ranks.agreeing():
                trial.prepare()
            trial.work()
            return Outcome(job.run_id, "done")
        except (Interrupted, KeyboardInterrupt):
            return _ended(job, "interrupted", STOPPED)
        except UserError as error:
            if not trial.prepared:
                log.error("refused: %s", error)
                return Outcome(job.run_id, "refused", str(error))
            return _ended(job, "failed", str(error), certain=True)
        except (Exception, SystemExit) as error:  # whatever a method or a library raises ends this run, and no other
            if lost_contact(error):
                raise  # another process is gone, and whoever watches them knows why
            log.error(traceback.format_exc())
            status = "out_of_memory" if is_out_of_memory(error) else "failed"
            return _ended(job, status, f"{type(error).__name__}: {error}", certain=isinstance(error, Diverged))
        finally:
            trial.release()


def _ended(job: Job, status: str, error: str, certain: bool = False) -> Outcome:
    write_attempt(job, status, error)
    return Outcome(job.run_id, status, error, certain, kept=True)


class Trial:
    """A run under way."""

    def __init__(self, job: Job, folder: Path, reporter: Reporter, workers: int,
                 saved: Callable[[], None] = lambda: None, ranks: Ranks = ALONE):
        self.saved = saved  # called after each checkpoint
        self.ranks = ranks
        self.job, self.folder, self.reporter, self.started = job, folder, reporter, datetime.now(UTC)
        self.checkpoints = run_folder(job.out, job.spec.training_id) / "checkpoints"
        self.workers = workers
        self.spec, self.prepared = job.spec, False
        self.method: Method | None = None
        self.train_seconds, self.accumulation = 0.0, 1
        self.seconds = 0.0, 0.0
        self.store = Store(job.out)
        self.controls = self._missing() if job.controls else []
        self.context: Context | None = None
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def _missing(self) -> list[str]:
        """Controls that have no rows yet."""
        job = self.job
        known = self.store.finished(job.protocol.id, job.split, job.sweep)
        return missing_controls(job.run_id, job.protocol, job.split, known)

    def prepare(self) -> None:
        """Everything a user can get wrong, before anything is spent.

        Raises:
            UserError: data, backbone or weights do not fit the request.
        """
        torch.set_num_threads(self.spec.threads)
        keep_freed_memory()
        if self.ranks.first:
            write_whole(self.folder / "spec.json", json.dumps(saved_spec(self.job), indent=1).encode())
        self.dataset = opened(self.job)
        for split in (self.spec.fit_on, self.job.split):
            self.dataset[split].check_images()
        self._check_protocol()
        self.backbone = self._backbone()
        self.prepared = self.job.of_search  # from here on its settings are to blame, and another trial's may do
        self.method = self._created()
        self.normalise = Normalise.of(self.backbone, self.device)
        self._check_shares()
        self.context = self._context() if self.ranks.first else None
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        self.prepared = True

    def _check_protocol(self) -> None:
        protocol = self.job.protocol
        if not self.dataset.parts and all(card.annotated_parts for card in scored_cards(protocol)):
            raise UserError(f"protocol {protocol.name} scores annotated parts, and {self.dataset.name} has none; "
                            "choose another, see: harness list protocols")
        for card in scored_cards(protocol) if self.job.of_search else ():  # a search is nothing without its objectives
            specific = methods.get(self.spec.method).class_specific
            if needed := lacking(card, self.dataset, self.job.split, protocol, specific):
                raise UserError(f"{card.name} of {self.spec.name} needs {needed}; choose other --objectives, "
                                "see: harness list metrics")

    def _check_shares(self) -> None:
        images = len(self.dataset[self.spec.fit_on])
        for stage in self.method.stages(self.spec.epochs):
            check_batch(stage.batch_size or self.spec.batch_size, self.ranks.world, images)

    def work(self) -> None:
        """Train, score, write."""
        split, images = self.dataset[self.job.split], self.dataset[self.spec.fit_on]
        log.info("run %s: %s on %s, seed %d, %d epochs, %d training images", self.job.run_id, self.spec.name,
                 self.spec.dataset, self.spec.seed, self.spec.epochs, len(images))
        whole = replace(self.context, needs=needs_of(self.job.protocol))  # controls reuse nothing
        trainee = self.trainee()
        self.reporter.begin(trainee.cost(self.job.until) + evaluation_cost(self.context)
                            + controls_cost(whole, self.controls))
        with self.ranks.training(self.reporter):
            reached = trainee.train(self.job.until)
        self.train_seconds, self.accumulation = reached.seconds, reached.accumulation
        for context in (self.context, whole):
            context.accumulation = max(self.job.accumulation, reached.accumulation)
        self._share_losses()
        if trainee.method is not self.method:
            self.method.load_state_dict(trainee.method.state_dict())
        log.info("trained in %.0f s; scoring %d images of %s", self.train_seconds, len(split), self.job.split)
        if reached.total < self.spec.epochs:
            self._score_so_far(reached.total)
            return
        self._score()
        for name, evidence in method_controls(whole, self._created, self.controls):
            log.info("control %s", name)
            self._write(self._control_id(name), evidence, method="control", variant=f"{self.spec.name}+{name}",
                        train_seconds=None)
        log.info("done")

    def _share_losses(self) -> None:
        """Put the loss terms of a training that several runs share beside this run too."""
        losses = self.checkpoints.with_name(LOSSES)
        if losses.parent != self.folder and losses.exists():  # it was not written before there was such a file
            write_whole(self.folder / LOSSES, losses.read_bytes())

    def _score(self) -> None:
        """Make the passes that no earlier evaluation made, and write what follows from them."""
        started = time.monotonic()
        fresh = evaluation_cost(self.context) > 0
        evidence = evaluate(self.context)
        if not fresh and self.job.run_id in self.store.finished(self.job.protocol.id, self.job.split, self.job.sweep):
            return  # its rows are there; the controls are what is asked for
        draw_gallery(self.context).write(self.folder, self.job.run_id, self.spec.name, self.method, self.dataset)
        found = self._scores(evidence)
        self.seconds = self.context.model_seconds, time.monotonic() - started - self.context.model_seconds
        self._write(self.job.run_id, evidence, found)

    def _score_so_far(self, epochs: int) -> None:
        """Score a training that goes on later, or never: nothing of it is kept but rows that say so."""
        started = time.monotonic()
        found = self._scores(evaluate(self.context))
        self.seconds = self.context.model_seconds, time.monotonic() - started - self.context.model_seconds
        facts = self._facts() | {"epochs": epochs}
        scored = [score for score in found if score.value is not None]
        if not scored:
            reasons = "; ".join(f"{score.metric}: {score.error}" for score in found) or "the method explains nothing"
            raise UserError(f"nothing could be scored after {epochs} epochs ({reasons}); choose other --objectives")
        self.store.write_attempt(self.job.run_id, [
            Row(**facts | score.columns(metric_cards.get(score.metric)) | {"status": "pruned"}) for score in scored])

    def _write(self, run_id: str, evidence: Evidence, found: list[Score] | None = None, **facts: Any) -> None:
        """Items, then rows: the rows alone say that a run is finished."""
        where = run_id, self.job.protocol.id, self.job.split
        if found is None:
            found = self._scores(evidence)
        self.store.write_items(*where, items_table(evidence, found, run_id, self.job.split, self.job.protocol))
        self.store.write_scores(*where, [Row(**self._facts() | {"run_id": run_id} | facts,
                                             **score.columns(metric_cards.get(score.metric))) for score in found])

    def _scores(self, evidence: Evidence) -> list[Score]:
        return scores(evidence, self.job.protocol, self.method.card.class_specific, self.reporter.heed)

    def _facts(self) -> dict[str, Any]:
        """What every row of this run says."""
        explain_seconds, score_seconds = self.seconds
        return requested(self.job) | measured(self.method, self.device) | {
            "accumulation": self.accumulation, "coupled_batch": self._coupled_batch(),
            "train_seconds": self.train_seconds, "explain_seconds": explain_seconds, "score_seconds": score_seconds,
            "started_at": self.started, "finished_at": datetime.now(UTC)}

    def _coupled_batch(self) -> int:
        """Images that terms over the batch saw at once, where the batch was cut up; else 0."""
        if self.accumulation == 1 or not self.method.batch_coupled:
            return 0
        images, workers = min(self.spec.batch_size, len(self.dataset[self.spec.fit_on])), self.job.workers
        return workers * ceil(images // workers / self.accumulation)

    def _control_id(self, name: str) -> str:
        return control_id(name, self.job.run_id, self.job.protocol, self.job.split)

    def _context(self) -> Context:
        """What the passes work with, beginning with the evidence of earlier evaluations of all its epochs."""
        protocol = self.job.protocol
        kept = [] if self.job.partial else sources(self.store, self.job.run_id, self.job.split)
        known = reuse(kept, protocol, needs_of(protocol))
        return Context(self.method, self.dataset, self.job.split, self.spec.fit_on, protocol, self.normalise,
                       2 * self.spec.batch_size, self.reporter, set(known.missing), self.workers,
                       evidence=known.evidence, plain=self._plain())

    def _plain(self) -> PlainViews | None:
        """Stored tokens of what is scored, where the run stores views, and its method explains from them."""
        method = self.method
        if not self.spec.views or method.card.prefix(method.settings) is None:
            return None
        return PlainViews(self.spec, method.backbone, method.prefix_blocks, self.device, self.job.prefix_store)

    def _created(self) -> Method:
        """The method as it is before training."""
        return self._create(self.spec)

    def _create(self, spec: RunSpec) -> Method:
        torch.manual_seed(derive(spec.seed, "init"))
        return create(spec.name, self.backbone, len(self.dataset.classes), **spec.settings).to(self.device)

    def trainee(self) -> Trainee:
        """The method that trains: another where runs that explain the same one in other ways share its training."""
        training = self.spec.training
        method = self.method if training is self.spec else self._create(training)
        return Trainee(method, training, self.dataset, self.normalise, self.checkpoints, self.reporter, self.workers,
                       self.saved, self.ranks, self.job.accumulation, self.job.prefix_store)

    def release(self) -> None:
        """Give the memory back: the process may do another run."""
        self.method = self.context = None
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _backbone(self) -> Backbone:
        key = (self.spec.backbone, self.job.weights, self.spec.weights, self.spec.image_size, str(self.device))
        if key not in _backbones:
            _backbones.clear()
            _backbones[key] = load_backbone(self.spec.backbone, self.job.weights, self.spec.image_size, self.device)
        backbone = _backbones[key]
        if self.job.gradient_checkpointing and backbone.convolutional:
            raise UserError(f"--gradient-checkpointing computes the blocks of a transformer again, and {backbone.name} "
                            "has none; leave it out")
        backbone.checkpointing, backbone.onednn = self.job.gradient_checkpointing, True
        return backbone


def start_over(job: Job) -> None:
    """Forget what an earlier attempt trained, and the evidence it left."""
    clear_checkpoints(run_folder(job.out, job.spec.training_id) / "checkpoints")
    for out in filter(None, (job.out, job.remote)):
        Store(out).remove_items(job.run_id)
    RunCopy(job).forget()
