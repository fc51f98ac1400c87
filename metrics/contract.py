"""The contract of metrics: what each must keep for its scores to be compared, whoever wrote it."""

import copy
import pickle
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from .catalogue import MetricCard, registry
from .contract_evidence import Evidence, draw_evidence
from .protocol import Protocol

_ROUNDING = 1e-12  # sums in another order
_SINGLE = 1e-6  # the same in single precision
_RESAMPLES = 50


def check_metric(metric: MetricCard | str, protocol: Protocol | None = None, draws: int = 20, seed: int = 0) -> None:
    """Put a metric through the contract, with evidence that is drawn for what it needs.

    Args:
        metric: its card, or the name it is registered under.
        protocol: what its accumulator is built from; None: the default.
        draws: how often evidence is drawn.
        seed: of the first draw.

    Raises:
        AssertionError: ``"<clause>: what is wrong"``, for the first clause that is broken.
        UserError: no metric has that name.
    """
    card = registry.get(metric) if isinstance(metric, str) else metric
    for draw in range(seed, seed + draws):
        trial = _Trial(card, protocol or Protocol(), draw)
        for clause, holds in _CLAUSES.items():
            try:
                holds(trial)
            except AssertionError as broken:
                raise AssertionError(f"{clause}: {broken} ({card.name}, seed {draw})") from None
            except Exception as error:  # a stranger's metric may fail in any way
                raise AssertionError(f"{clause}: {type(error).__name__}: {error} ({card.name}, seed {draw})") from error


@dataclass(frozen=True)
class _Trial:
    """A metric and what it is tried with."""

    card: MetricCard
    protocol: Protocol
    seed: int

    @cached_property
    def evidence(self) -> Evidence:
        return draw_evidence(self.card.needs, self.seed)

    @cached_property
    def score(self) -> float:
        """Of all evidence at once."""
        return _score(self.fed(self.evidence))

    def fed(self, *batches: Evidence) -> Metric:
        """A new accumulator that has seen the batches."""
        metric = self.card.load()(self.protocol)
        for batch in batches:
            metric.update(*batch)
        return metric

    def halves(self) -> tuple[Metric, Metric]:
        """Two accumulators with half the images each."""
        one, other = self.evidence.batches(-(-len(self.evidence) // 2))
        return self.fed(one), self.fed(other)

    def shuffled(self) -> Evidence:
        generator = torch.Generator().manual_seed(self.seed)
        return self.evidence.take(torch.randperm(len(self.evidence), generator=generator))


def _declared(trial: _Trial) -> None:
    card, metric = trial.card, trial.card.load()
    _want(isinstance(metric, type) and issubclass(metric, Metric), f"{card.implementation} is no torchmetrics.Metric")
    _want(metric.higher_is_better == card.higher_is_better,
          f"higher_is_better is {metric.higher_is_better}, its card says {card.higher_is_better}")
    bounds = metric.plot_lower_bound, metric.plot_upper_bound
    _want(bounds == card.bounds, f"plot bounds are {bounds}, its card says {card.bounds}")


def _bounded(trial: _Trial) -> None:
    low, high = trial.card.bounds
    _want(np.isfinite(trial.score), f"the score is {trial.score}")
    inside = low - _ROUNDING <= trial.score <= high + _ROUNDING
    _want(inside, f"the score is {trial.score}, outside {trial.card.bounds}")


def _interval_holds(trial: _Trial) -> None:
    (low, high), (least, most) = _interval(trial.fed(trial.evidence)), trial.card.bounds
    _want(low <= trial.score <= high, f"the score {trial.score} is outside its interval ({low}, {high})")
    _want(least - _ROUNDING <= low and high <= most + _ROUNDING,
          f"the interval ({low}, {high}) leaves the bounds {trial.card.bounds}")


def _unordered(trial: _Trial) -> None:
    _same(_score(trial.fed(trial.shuffled())), trial.score, "the same images in another order")


def _unbatched(trial: _Trial) -> None:
    whole = _interval(trial.fed(trial.evidence))
    for size in (1, 7):
        metric = trial.fed(*trial.evidence.batches(size))
        _same(_score(metric), trial.score, f"batches of {size}")
        for one, other in zip(_interval(metric), whole, strict=True):
            _same(one, other, f"the interval after batches of {size}")


def _merges(trial: _Trial) -> None:
    one, other = trial.halves()
    one.merge_state(other)
    _same(_score(one), trial.score, "two accumulators merged")
    one, other = trial.halves()
    _connect(one, other)
    _same(_score(one), trial.score, "two processes synchronised")


def _connect(one: Metric, other: Metric) -> None:
    """As if the other were in a second process: what torchmetrics gathers when a score is asked for."""
    theirs = iter([torch.cat(state) if isinstance(state, list) else state for state in other.metric_state.values()])
    one.distributed_available_fn = lambda: True
    one.dist_sync_fn = lambda state, group: [state, next(theirs)]


def _precise(trial: _Trial) -> None:
    double = _score(trial.fed(trial.evidence.convert(torch.float64)))
    _same(double, trial.score, "float64 evidence", _SINGLE)


def _careful(trial: _Trial) -> None:
    given, same = (draw_evidence(trial.card.needs, trial.seed) for _ in range(2))
    trial.fed(given).compute()
    for name, value in given.values.items():
        kept = value is None or torch.equal(value.nan_to_num(), same.values[name].nan_to_num())
        _want(kept, f"update or compute wrote into {name}")


def _empty(trial: _Trial) -> None:
    none = trial.evidence.take(torch.arange(0))
    for what, batches in (("before any update", ()), ("after a batch without images", (none,))):
        for ask in (_score, _interval):
            try:
                value = ask(trial.fed(*batches))
            except ValueError:
                continue
            raise AssertionError(f"{ask.__name__[1:]} is {value} {what}, and no ValueError")


def _called(trial: _Trial) -> None:
    metric = trial.fed()
    _same(float(metric(*trial.evidence)), trial.score, "what a call says of its batch")
    _same(_score(metric), trial.score, "what a call leaves behind")


def _resets(trial: _Trial) -> None:
    metric = trial.fed(draw_evidence(trial.card.needs, trial.seed + 1))
    _score(metric)
    metric.reset()
    metric.update(*trial.evidence)
    _same(_score(metric), trial.score, "the score after reset()")


def _portable(trial: _Trial) -> None:
    metric = trial.fed(trial.evidence)
    copies = {"a deep copy": copy.deepcopy(metric), "a pickled copy": pickle.loads(pickle.dumps(metric))}
    for what, copied in copies.items():
        _same(_score(copied), trial.score, what)


def _repeatable(trial: _Trial) -> None:
    found = []
    for number in range(2):
        torch.manual_seed(number)
        np.random.seed(number)
        metric = trial.fed(trial.evidence)
        found.append((_score(metric), *_interval(metric), *_interval(metric)))
    _want(found[0] == found[1] and found[0][1:3] == found[0][3:], f"two runs say {found[0]} and {found[1]}")


def _score(metric: Metric) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torchmetrics warns that nothing was seen, and goes on
        value = metric.compute()
    _want(isinstance(value, Tensor) and value.ndim == 0, f"compute gives {value!r}, not a tensor without axes")
    return value.item()


def _interval(metric: Metric) -> tuple[float, float]:
    return metric.interval(resamples=_RESAMPLES)


def _same(value: float, expected: float, what: str, tolerance: float = _ROUNDING) -> None:
    _want(abs(value - expected) <= tolerance * max(1.0, abs(expected)), f"{what}: {value}, otherwise {expected}")


def _want(holds: bool, otherwise: str) -> None:
    """An AssertionError that also ``python -O`` raises."""
    if not holds:
        raise AssertionError(otherwise)


_CLAUSES: dict[str, Callable[[_Trial], None]] = {
    "the accumulator is what its card says": _declared,
    "no image is an error": _empty,
    "evidence is left as it is": _careful,
    "two runs are the same": _repeatable,
    "a score is within its bounds": _bounded,
    "an interval holds its score": _interval_holds,
    "images have no order": _unordered,
    "batches do not matter": _unbatched,
    "parts make the whole": _merges,
    "single and double precision agree": _precise,
    "a call is an update": _called,
    "reset forgets": _resets,
    "copies keep what was seen": _portable,
}
