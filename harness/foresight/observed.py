"""What finished runs took: seconds of training and of scoring, and memory, with what these depend on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from ...datasets import registry as datasets
from ...errors import UserError
from ...leaderboard import Store
from ...methods.catalogue import registry as methods
from ...metrics.protocol import Protocol
from ..forwards import Evaluation, needs_of
from .cost import Sizes, multiply_adds

if TYPE_CHECKING:
    import pandas

MOST = 150  # runs; the latest ones
_COLUMNS = ["run_id", "protocol_id", "split", "sweep"]


@dataclass(frozen=True)
class Place:
    """What a run's speed and memory depend on.

    Attributes:
        kind: ``train``, ``score`` or ``memory``.
        hardware: as the rows say it.
        workers: processes that shared the work.
        day: when, in days; how busy a machine is changes over time.
        forwards: plain forward passes of one image that the time is for.
    """

    kind: str
    method: str
    variant: str
    backbone: str
    image_size: int
    dataset: str
    hardware: str
    threads: int
    precision: str
    batch_size: int
    workers: int
    day: float
    forwards: float = 1.0

    @property
    def work(self) -> float:
        """Multiply-adds of each process; forward passes where the backbone's layout is not known."""
        return self.forwards / self.workers * (multiply_adds(self.backbone, self.image_size) or 1.0)

    @property
    def basis(self) -> tuple[str, str]:
        """Places with another one have no speed in common: other hardware, or a backbone of unknown layout."""
        known = multiply_adds(self.backbone, self.image_size) is not None
        return self.hardware, "" if known else f"{self.backbone} {self.image_size}"


@dataclass(frozen=True)
class Observation:
    """A place, and the seconds or MiB that were measured there."""

    place: Place
    value: float


@dataclass(frozen=True)
class Known:
    """What rows do not say of the runs that they come from.

    Attributes:
        sizes: of data sets, by fingerprint.
        protocols: by id; what was scored under another says nothing of scoring.
    """

    sizes: Mapping[str, Sizes]
    protocols: Mapping[str, Protocol]


def observations(store: Store, known: Known) -> list[Observation]:
    """What the latest finished runs of a store took; nothing where there is no store yet."""
    try:
        frame, _ = store.current()
    except UserError:
        return []
    return from_rows(frame, known)


def from_rows(frame: "pandas.DataFrame", known: Known) -> list[Observation]:
    """The same, of rows at hand."""
    return [found for run in by_run(frame, known) for found in run]


def by_run(frame: "pandas.DataFrame", known: Known) -> list[list[Observation]]:
    """The same, run by run. A run's first evaluation counts: later ones may reuse its passes."""
    frame = frame[frame.status.isin(["done", "not_applicable", "pruned"]) & (frame.method != "control")
                  & frame.train_seconds.notna() & frame.finished_at.notna() & frame.threads.notna()]
    # The row of accuracy says how many images were scored.
    frame = frame.iloc[(frame.metric != "accuracy").argsort(kind="stable")].drop_duplicates(_COLUMNS)
    frame = frame.sort_values("finished_at").drop_duplicates(["run_id", "split", "epochs"])
    return [list(_of_run(row, known)) for row in frame.tail(MOST).to_dict("records")]


def _of_run(row: Mapping[str, Any], known: Known) -> Iterator[Observation]:
    sizes = known.sizes.get(row["dataset_fingerprint"]) or _official(row)
    card = methods.cards.get(row["method"])
    if card is None:
        return
    about = {name: row[name] for name in ("method", "variant", "backbone", "image_size", "dataset", "hardware",
                                          "batch_size", "workers")}
    about |= {"threads": int(row["threads"]), "precision": row["precision"] or "fp32",
              "day": row["finished_at"].timestamp() / 86400}
    if _positive(row["peak_memory_mb"]):
        yield Observation(Place("memory", **about), row["peak_memory_mb"])
    if sizes is None:
        return
    steps = sizes.images[row["fit_on"]] * row["epochs"] * card.step_costs.get(row["variant"], card.step_cost)
    if steps and _positive(row["train_seconds"]):
        yield Observation(Place("train", **about, forwards=steps), row["train_seconds"])
    rules = known.protocols.get(row["protocol_id"])
    if rules is None:
        return
    passes = Evaluation(rules, needs_of(rules), sizes.images[row["split"]], sizes.images[row["fit_on"]], sizes.parts,
                        sizes.planted, card.class_specific)
    if row["views"] and 2 * passes.plain > passes.forwards:
        return  # its time says what an earlier run had stored, and little of the next one's
    seconds = (row["explain_seconds"] or 0) + (row["score_seconds"] or 0)
    if passes.forwards and _positive(seconds):
        yield Observation(Place("score", **about, forwards=passes.forwards), seconds)


def _official(row: Mapping[str, Any]) -> Sizes | None:
    """Of the complete data set; of a part of it, where fewer images were scored."""
    sizes = Sizes.official(datasets.cards[row["dataset"]]) if row["dataset"] in datasets.cards else None
    if sizes is None or row["metric"] != "accuracy" or not _positive(row["n"]):
        return sizes
    share = row["n"] / sizes.images[row["split"]]
    return replace(sizes, images={split: max(1, round(share * images)) for split, images in sizes.images.items()})


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value) and value > 0

