"""A trained run brought back: its method with the weights it learnt, its classes, and its data where that still is."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ...datasets import PartDataset
from ...errors import UserError
from ...leaderboard import Store
from ...methods import Method, create, load_backbone
from ..config import make_config
from ..loaders import Normalise
from ..opened import opened
from ..plan import Job, make_plan
from ..results.at_hand import run_at_hand
from ..results.place import Results
from ..results.run_folders import known_run, run_folder
from ..spec import RunSpec
from ..training.checkpoint import Checkpoint, load_checkpoint

_NOT_READ = "not read"  # where a fingerprint belongs: the plan must not fail for data that are gone


@dataclass(frozen=True)
class Subject:
    """A run's method, ready to explain.

    Attributes:
        method: in eval mode, with the weights of the run's last whole checkpoint.
        classes: names, by label.
        epochs: passes over the data that those weights have seen.
        digest: of those weights.
        data: the data set it was trained on; None where that is gone or has changed.
        without_data: why ``data`` is None.
    """

    job: Job
    folder: Path
    method: Method
    normalise: Normalise
    classes: tuple[str, ...]
    epochs: int
    digest: str
    data: PartDataset | None
    without_data: str = ""

    @property
    def spec(self) -> RunSpec:
        return self.job.spec


def bring_back(run: str, out: str, data_root: str | None = None, weights: str | None = None) -> Subject:
    """Rebuild a run from its folder.

    Args:
        run: its id, or the first digits.
        data_root, weights: where the data and the backbone's weights are now, if they were moved.

    Raises:
        UserError: no such run, or its method, settings, weights or checkpoints are no longer there or no longer fit.
    """
    folder = known_run(run, run_at_hand(out, run, checkpoints=True).folder)
    request = make_config(_saved(folder) | {"out": out} | _moved(data_root=data_root, weights=weights))
    job = make_plan(request, fingerprint=_NOT_READ).jobs[0]
    out = job.out
    data, reason = _data(job)
    job = replace(job, spec=_identified(job.spec, folder.name, data, out))
    Results(job.out, job.remote).fetch(f"runs/{job.spec.training_id}/checkpoints")
    if data is not None and job.spec.dataset_fingerprint != data.fingerprint:
        data, reason = None, f"{job.data_root or job.spec.dataset} has changed since the run was trained"
    checkpoint = _checkpoint(job, folder)
    classes = tuple(data.classes) if data is not None else _remembered_classes(folder, reason)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    backbone = load_backbone(job.spec.backbone, job.weights, job.spec.image_size, device)
    method = create(job.spec.name, backbone, len(classes), **job.spec.settings).to(device)
    _fill(method, checkpoint, folder.name)
    return Subject(job, folder, method.eval(), Normalise.of(backbone, device), classes, checkpoint.position.total,
                   _digest(checkpoint), data, reason)


def _saved(folder: Path) -> dict[str, Any]:
    """The run's spec.json without its protocol: an explanation of one image is not scored."""
    try:
        saved = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
        settings = {key: value for key, value in saved.pop("set").items() if not key.startswith("protocol.")}
        return {key: value for key, value in saved.items()
                if key not in ("protocol", "fidelity_images")} | {"set": settings}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{folder / 'spec.json'} is missing or torn ({' '.join(str(error).split())[:120]}); ask for "
                        "the run again as it was first asked for, which writes it anew") from None


def _moved(**given: str | None) -> dict[str, str]:
    return {name: value for name, value in given.items() if value is not None}


def _data(job: Job) -> tuple[PartDataset | None, str]:
    """The data set, or why it cannot be read."""
    try:
        return opened(job), ""
    except UserError as error:
        return None, str(error)


def _identified(spec: RunSpec, run_id: str, data: PartDataset | None, out: str) -> RunSpec:
    """The spec with the fingerprint of the data it was trained on; without one where no data and no row tells it.

    Raises:
        UserError: no data set known for the run gives its id, so its weights or its method are others now.
    """
    known = False
    for fingerprint in _fingerprints(run_id, data, out):
        known = True
        found = spec.model_copy(update={"dataset_fingerprint": fingerprint})
        if found.run_id == run_id:
            return found
    if known:
        raise UserError(f"run {run_id} cannot be brought back as it was: {spec.method}, the backbone's weights or the "
                        "data have changed; give --weights and --data-root as they were, or train it again")
    return spec


def _fingerprints(run_id: str, data: PartDataset | None, out: str) -> Iterator[str]:
    """Of the data as it is, then those that the run's rows name."""
    if data is not None:
        yield data.fingerprint
    frame, _ = Store(out).read()
    yield from frame[frame.run_id == run_id].dataset_fingerprint.unique()


def _checkpoint(job: Job, folder: Path) -> Checkpoint:
    """The newest whole checkpoint of the run's training, which may be another run's."""
    trained = run_folder(job.out, job.spec.training_id)
    for place in dict.fromkeys((trained, folder)):
        found, _ = load_checkpoint(place / "checkpoints")
        if found is not None:
            return found
    raise UserError(f"run {folder.name} has no whole checkpoint in {trained / 'checkpoints'}; put them back, or train "
                    f"it again: harness run --config {folder / 'spec.json'} --out {job.out} --force")


def _remembered_classes(folder: Path, reason: str) -> tuple[str, ...]:
    """The class names that the run's scoring left."""
    try:
        return tuple(map(str, json.loads((folder / "explanations.json").read_text(encoding="utf-8"))["classes"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise UserError(f"the classes of run {folder.name} are not known without its data: {reason}; "
                        "give --data-root") from None


def _fill(method: Method, checkpoint: Checkpoint, run_id: str) -> None:
    try:
        method.load_state_dict(checkpoint.method())
    except (RuntimeError, KeyError, ValueError) as error:  # whatever a method finds amiss with a state not its own
        raise UserError(f"the checkpoint of run {run_id} does not fit {method.card.name} as it is now "
                        f"({' '.join(str(error).split())[:200]}); train the run again with --force") from None


def _digest(checkpoint: Checkpoint) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(checkpoint.method().items()):
        digest.update(name.encode())
        digest.update(value.contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
