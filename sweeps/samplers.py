"""Who proposes the next trial: Optuna's samplers by name."""

from hashlib import sha256
from typing import TYPE_CHECKING

from ..errors import unknown
from .quiet import quiet

if TYPE_CHECKING:
    import optuna

SAMPLERS = ("tpe", "gp", "nsga2", "nsga3", "random")
"""Tree-structured Parzen estimator (of one or several objectives), Gaussian process, NSGA-II, NSGA-III, random."""
FEW_TRIALS = 20
"""Below this a Gaussian process learns more from each trial than density estimates do."""
# Chosen on three noisy toys with two objectives (IVPT's space twice; twelve numbers of which five matter), 12 seeds
# each, by the front's hypervolume after 8, 40 and 100 trials, as a mean over the toys. Random search has 0.287, 0.378,
# 0.411; independent TPE 0.288, 0.428, 0.477; joint TPE (group) 0.302, 0.450, 0.486; NSGA-II 0.287, 0.391, 0.441. Joint
# TPE beat random search in 33 of 36 searches of 40 trials. On 3 to 5 seeds, 3, 4 or 10 random trials first or no groups
# made no difference beyond the seeds', nor did a population of 5; one of 16 was worse. The Gaussian process is slow and
# was tried on two searches of 24 trials only: 0.503, and joint TPE 0.439 with the same seed.
_POPULATION = 8  # of a genetic sampler: a search here has tens of trials, and generations are what it learns by
_STARTUP = 6  # random trials before a model is asked, the first being the paper's setting


def default_sampler(trials: float) -> str:
    """For a search of about so many trials."""
    return "gp" if trials < FEW_TRIALS else "tpe"


def sampler(name: str, seed: int, number: int) -> "optuna.samplers.BaseSampler":
    """The sampler that proposes trial ``number``.

    A new one for every trial, seeded by the search's seed and the number: a search that was killed and continued draws
    what it would have drawn, and not its first numbers once more.

    Raises:
        UserError: no such sampler.
    """
    import optuna

    if name not in SAMPLERS:
        raise unknown("sampler", name, SAMPLERS)
    drawn = int.from_bytes(sha256(f"{seed}/{number}".encode()).digest()[:4])
    with quiet():
        if name == "random":
            return optuna.samplers.RandomSampler(seed=drawn)
        if name == "tpe":
            return optuna.samplers.TPESampler(n_startup_trials=_STARTUP, multivariate=True, group=True, seed=drawn)
        if name == "gp":
            return optuna.samplers.GPSampler(n_startup_trials=_STARTUP, warn_independent_sampling=False, seed=drawn)
        genetic = optuna.samplers.NSGAIISampler if name == "nsga2" else optuna.samplers.NSGAIIISampler
        return genetic(population_size=_POPULATION, seed=drawn)
