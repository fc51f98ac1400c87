"""One run from spec to rows: data set, backbone, method; train, evaluate, write."""

import gc
import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from .. import datasets
from ..durable import write_whole
from ..errors import UserError
from ..leaderboard import Row, Store
from ..methods import Backbone, Method, create, load_backbone
from ..metrics import registry as metric_cards
from .allocator import keep_freed_memory
from .attempts import STOPPED, write_attempt
from .checkpoint import clear_checkpoints
from .decoding import decoding_workers
from .evaluate import Evaluation, scoring_cost
from .interventions import forwards_each
from .loaders import Normalise, TrainLoader
from .opened import opened
from .plan import Job
from .progress import Event, Interrupted, Reporter
from .provenance import hardware, peak_memory_mb, versions
from .score import Score
from .seeds import derive
from .train import Training, train

log = logging.getLogger("partbench")
_STEP_COST = 2.5  # plain forwards a training image costs, for the time left alone
_backbones: dict[tuple, Backbone] = {}


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: ``done``, ``failed``, ``interrupted``, or ``refused``: the request cannot work, no row is written.
    """

    run_id: str
    status: str
    error: str = ""


def run_folder(out: str, run_id: str) -> Path:
    """The run's own folder: spec, log, checkpoints, explanations."""
    return Path(out) / "runs" / run_id


def run_job(job: Job, tell: Callable[[Event], None] = lambda event: None,
            stopped: Callable[[], bool] = lambda: False, cores: int | None = None) -> Outcome:
    """Do one run to its end, whatever that is, and leave its rows.

    Args:
        tell: hears what the run does.
        stopped: asked at every step whether to stop.
        cores: the run's share of this machine; None: all of it.
    """
    folder = run_folder(job.out, job.run_id)
    trial = Trial(job, folder, Reporter(tell, stopped), decoding_workers(job.spec.threads, cores))
    with _log_to(folder / "log.txt"):
        try:
            trial.prepare()
            trial.work()
            return Outcome(job.run_id, "done")
        except (Interrupted, KeyboardInterrupt):
            write_attempt(job, "interrupted", STOPPED)
            return Outcome(job.run_id, "interrupted")
        except UserError as error:
            if not trial.prepared:
                log.error("refused: %s", error)
                return Outcome(job.run_id, "refused", str(error))
            return _failed(job, str(error))
        except Exception as error:  # whatever a method or a library raises ends this run, and no other
            log.error(traceback.format_exc())
            return _failed(job, f"{type(error).__name__}: {error}")
        finally:
            trial.release()


def _failed(job: Job, error: str) -> Outcome:
    write_attempt(job, "failed", error)
    return Outcome(job.run_id, "failed", error)


class Trial:
    """A run under way."""

    def __init__(self, job: Job, folder: Path, reporter: Reporter, workers: int):
        self.job, self.folder, self.reporter, self.started = job, folder, reporter, datetime.now(UTC)
        self.workers = workers
        self.spec, self.prepared = job.spec, False
        self.method: Method | None = None
        self.train_seconds = 0.0
        self.evaluation: Evaluation | None = None
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def prepare(self) -> None:
        """Everything a user can get wrong, before anything is spent.

        Raises:
            UserError: data, backbone or weights do not fit the request.
        """
        torch.set_num_threads(self.spec.threads)
        keep_freed_memory()
        write_whole(self.folder / "spec.json", json.dumps(saved_spec(self.job), indent=1).encode())
        self.dataset = opened(self.job)
        for split in (self.spec.fit_on, self.job.split):
            self.dataset[split].check_images()
        backbone = self._backbone()
        torch.manual_seed(derive(self.spec.seed, "init"))
        self.method = create(self.spec.name, backbone, len(self.dataset.classes), **self.spec.settings).to(self.device)
        self.normalise = Normalise.of(backbone, self.device)
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        self.prepared = True

    def work(self) -> None:
        """Train, score, write."""
        split, images = self.dataset[self.job.split], self.dataset[self.spec.fit_on]
        log.info("run %s: %s on %s, seed %d, %d epochs, %d training images", self.job.run_id, self.spec.name,
                 self.spec.dataset, self.spec.seed, self.spec.epochs, len(images))
        epochs_cost = self.spec.epochs * len(images) * _STEP_COST
        self.reporter.begin(epochs_cost + scoring_cost(len(split), self.job.protocol, forwards_each(self.dataset)))
        self.train_seconds = train(self.method, Training(
            loader=self._loader, folder=self.folder / "checkpoints", epochs=self.spec.epochs, seed=self.spec.seed,
            precision=self.spec.precision, device=self.device, reporter=self.reporter, cost=_STEP_COST))
        log.info("trained in %.0f s; scoring %d images of %s", self.train_seconds, len(split), self.job.split)
        self.evaluation = Evaluation(self.method, self.dataset, self.job.split, self.job.protocol, self.normalise,
                                     2 * self.spec.batch_size, self.reporter, self.workers)
        scores, gallery = self.evaluation.run()
        gallery.write(self.folder, self.job.run_id, self.spec.name, self.method, self.dataset)
        store, where = Store(self.job.out), (self.job.run_id, self.job.protocol.id, self.job.split)
        store.write_items(*where, self.evaluation.items.table(self.job.run_id, self.job.split))
        # Last: the scores alone say that a run is finished.
        store.write_scores(*where, [self._row(score) for score in scores])
        log.info("done")

    def release(self) -> None:
        """Give the memory back: the process may do another run."""
        self.method = self.evaluation = None
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _backbone(self) -> Backbone:
        key = (self.spec.backbone, self.job.weights, self.spec.weights, self.spec.image_size, str(self.device))
        if key not in _backbones:
            _backbones.clear()
            _backbones[key] = load_backbone(self.spec.backbone, self.job.weights, self.spec.image_size, self.device)
        return _backbones[key]

    def _loader(self, stage: Any) -> TrainLoader:
        return TrainLoader(
            split=self.dataset[self.spec.fit_on],
            transform=datasets.augmentation(stage.augmentation, self.spec.image_size),
            normalise=self.normalise,
            batch_size=stage.batch_size or self.spec.batch_size,
            seed=self.spec.seed,
            stage=stage.name,
            warp="warped" in self.method.views,
            workers=self.workers,
        )

    def _row(self, score: Score) -> Row:
        return Row(**self._facts(), **score.columns(metric_cards.get(score.metric)), protocol=self.job.protocol.name,
                   protocol_id=self.job.protocol.id)

    def _facts(self) -> dict[str, Any]:
        """What every row of this run says."""
        spec = self.spec
        parameters = list(self.method.parameters())
        trained = sum(p.numel() for p in parameters if p.requires_grad)
        frozen = sum(p.numel() for p in self.method.backbone.parameters())
        return {
            "run_id": self.job.run_id, "method": spec.method, "variant": spec.variant,
            "method_version": spec.method_version, "dataset": spec.dataset,
            "dataset_fingerprint": spec.dataset_fingerprint, "backbone": spec.backbone, "weights": spec.weights,
            "image_size": spec.image_size, "seed": spec.seed, "epochs": spec.epochs, "fit_on": spec.fit_on,
            "preset": spec.preset, "settings": json.dumps(spec.settings, sort_keys=True), "split": self.job.split,
            "train_seconds": self.train_seconds,
            "explain_seconds": self.evaluation.explain_seconds, "score_seconds": self.evaluation.score_seconds,
            "peak_memory_mb": peak_memory_mb(self.device),
            "trainable_parameters": trained,
            "total_parameters": sum(p.numel() for p in parameters) + frozen,
            "device": self.device.type, "hardware": hardware(self.device), "threads": spec.threads,
            "versions": json.dumps(versions(), sort_keys=True), "revision": version("partbench"),
            "started_at": self.started, "finished_at": datetime.now(UTC),
        }


def saved_spec(job: Job) -> dict[str, Any]:
    """The run as `harness run --config` takes it, every default written out."""
    spec = job.spec
    return {
        "methods": [spec.name],
        "set": {f"{name}.{key}": value for name, settings in ((spec.method, spec.settings),
                                                              (spec.dataset, spec.dataset_options))
                for key, value in settings.items()},
        "dataset": spec.dataset, "data_root": job.data_root, "decoded_side": job.decoded_side,
        "backbone": spec.backbone, "weights": job.weights, "image_size": spec.image_size,
        "epochs": spec.epochs, "batch_size": spec.batch_size, "seeds": [spec.seed],
        "preset": spec.preset, "fit_on": spec.fit_on, "split": job.split, "precision": spec.precision,
        "threads": spec.threads, "fidelity_images": job.protocol.fidelity_images, "out": job.out,
    }


def start_over(job: Job) -> None:
    """Forget what an earlier attempt trained."""
    clear_checkpoints(run_folder(job.out, job.run_id) / "checkpoints")


@contextmanager
def _log_to(file: Path) -> Iterator[None]:
    """The run's own log file, for the time of the run."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}; choose another --out") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    started = time.monotonic()
    try:
        yield
    finally:
        log.info("%.0f s in this attempt", time.monotonic() - started)
        log.removeHandler(handler)
        handler.close()
