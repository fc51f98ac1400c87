"""Successive halving in brackets, for any number of objectives: most trials stop early, the best of each bracket go on.

Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016; a
bracket is one of Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, "Hyperband", JMLR 2018. Promotion by non-dominated
rank: Schmucker, Donini, Zafar, Salinas and Archambeau, "Multi-objective asynchronous successive halving", 2021; ours is
synchronous, and a rank that does not fit whole is thinned greedily by hypervolume, as in Guerreiro, Fonseca and
Paquete, "Greedy hypervolume subset selection in low dimensions", Evolutionary Computation, 2016.

Trial 0, the paper's setting, is the yardstick: it is trained to the end and takes no place from any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import UserError
from .front import oriented, ranks_of
from .hypervolume import hypervolume, reference
from .records import Objective, TrialRecord

YARDSTICK = 0


@dataclass(frozen=True)
class Rungs:
    """Where trials are compared.

    Attributes:
        epochs: trained at each rung, increasing; the last are the full ones. One rung: no halving.
        reduction: one of how many goes on.
    """

    epochs: tuple[int, ...]
    reduction: int

    @classmethod
    def of(cls, epochs: int, reduction: int = 3, lowest: int | None = None) -> "Rungs":
        """Rungs at epochs / reduction^k, rounded up, as far down as ``lowest``.

        Args:
            epochs: of a full trial.
            reduction: one of how many goes on, at least 2.
            lowest: no rung is below. None: 2 epochs and a tenth of the full ones; before that, schedules are still
                warming up and trials tell little of where they will end. ``epochs``: no halving.

        Returns:
            Such as (2, 6) of 6 epochs, (3, 9, 25) of 25; (3,) of 3, which are too few to halve.

        Raises:
            UserError: no epoch, a reduction below 2, or a lowest rung outside 1..epochs.
        """
        if epochs < 1:
            raise UserError(f"a trial of {epochs} epochs cannot be trained; give at least 1")
        if reduction < 2:
            raise UserError(f"halving that keeps one of {reduction} trials stops none; give a reduction of at least 2")
        if lowest is not None and not 1 <= lowest <= epochs:
            raise UserError(f"the lowest rung {lowest} is not among the {epochs} epochs of a trial; "
                            f"give 1 to {epochs}")
        lowest = max(2, _ceil(epochs, 10)) if lowest is None else lowest
        found = [epochs]
        while (below := _ceil(epochs, reduction ** len(found))) >= lowest and below < found[-1]:
            found.append(below)
        return cls(tuple(reversed(found)), reduction)

    @property
    def bracket(self) -> int:
        """How many trials make up one bracket, so that one of them reaches the last rung."""
        return self.reduction ** (len(self.epochs) - 1)


def promoted(records: Sequence[TrialRecord], objectives: Sequence[Objective], reduction: int) -> list[int]:
    """The trials of one bracket that go on from a rung.

    One of ``reduction``, rounded up, of all but the yardstick: whole ranks as far as they fit; of the next rank, one
    after the other, the trial that adds most hypervolume to those already taken from it, the lower number where equal.
    Degenerate trials go on only where places are left after all others (see :func:`.front.ranks_of`), failed ones
    never, though they count among the records. The yardstick goes on in addition.

    Args:
        records: every trial of the bracket that was sent to the rung, with its values there.
        objectives: m >= 1.
        reduction: as in :class:`Rungs`.

    Returns:
        Numbers of trials, ascending.
    """
    others = [record for record in records if record.number != YARDSTICK]
    places = _ceil(len(others), reduction)
    alive = sorted((record for record in others if record.state != "failed"), key=lambda record: record.number)
    found, rank_of = [], ranks_of(alive, objectives)
    for rank in range(rank_of.max(initial=-1) + 1):
        equals = [record for record, its in zip(alive, rank_of, strict=True) if its == rank]
        found += _thinned(equals, objectives, places - len(found))
    yardstick = [record for record in records if record.number == YARDSTICK and record.state != "failed"]
    return sorted(record.number for record in found + yardstick)


@dataclass(frozen=True)
class Cost:
    """What a search takes if no trial fails.

    Attributes:
        epochs: of all trials, with halving.
        full: of all trials, without.
    """

    epochs: int
    full: int

    @property
    def saved(self) -> float:
        """Fraction of the full search's epochs that halving saves."""
        return 1 - self.epochs / self.full if self.full else 0.0


def cost(trials: int, rungs: Rungs) -> Cost:
    """Epochs that a search takes, the yardstick's among them: at most, for fewer go on where trials fail.

    Args:
        trials: how many, in brackets of ``rungs.bracket``; the last one may be incomplete.
        rungs: where they are compared.
    """
    epochs = 0
    for first in range(0, trials, rungs.bracket):
        yardstick = int(first == YARDSTICK)
        others, before = min(rungs.bracket, trials - first) - yardstick, 0
        for rung in rungs.epochs:
            epochs += (others + yardstick) * (rung - before)
            others, before = _ceil(others, rungs.reduction), rung
    return Cost(epochs, trials * rungs.epochs[-1])


def _thinned(trials: list[TrialRecord], objectives: Sequence[Objective], places: int) -> list[TrialRecord]:
    """As many trials of one rank as there are places, greedily by the hypervolume they add; equals in their order."""
    if len(trials) <= places:
        return trials
    points = oriented([trial.values for trial in trials], objectives)
    # Where trials are worse than useless, as after few epochs, the worst of them is what volume is measured from.
    origin = np.minimum(reference(objectives), np.where(np.isfinite(points), points, np.inf).min(0))
    taken = []
    for _ in range(places):
        # What those taken have is the same for all, so the largest volume with a trial is the largest it adds.
        volumes = [-1.0 if i in taken else round(hypervolume(points[[*taken, i]], origin), 12)
                   for i in range(len(points))]
        taken.append(int(np.argmax(volumes)))
    return [trials[i] for i in taken]


def _ceil(number: int, divisor: int) -> int:
    return -(-number // divisor)
