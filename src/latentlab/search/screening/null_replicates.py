"""The sampler of a sweep run on noise: what its configurations and ranks look like by chance.

An adaptive sampler draws again where it was lucky, so its elites cluster and touch bounds even
where no parameter matters. How often, only the sampler itself can tell: here it runs on the same
space, with the same numbers of startup configurations and cohorts, on the sweep's own scores in
random order. If no parameter matters, the sweep and these replicates are draws from one
distribution (given which scores there are), so that comparing the sweep with any number of them is
an exact test (Barnard 1963). The sampler must depend on scores through their order alone, as TPE
does.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.search.columns import column_of
from latentlab.search.matrix import SweepMatrix
from latentlab.search.proposals import distribution_of, quiet, suggested
from latentlab.search.sampling import quasi_random_values, tpe_sampler
from latentlab.search.space import Configuration, Space
from latentlab.statistics.ranks import midranks

logger = logging.getLogger(__name__)

FORMAT = 1
"""Of what is simulated; another number makes stored null replicates useless."""

_LINE_SECONDS = 20.0
"""A line at most this often."""


@dataclass(frozen=True)
class Schedule:
    """How configurations were asked for.

    Attributes:
        startup: configurations before the first adaptive one.
        cohorts: sizes of the cohorts in order; those of one cohort did not know each other's
            scores.
        scores: midranks of all scores in ascending order; ties show here.
        failed: configurations without a score, by their number; the sampler passes over them.
    """

    startup: int
    cohorts: tuple[int, ...]
    scores: tuple[float, ...]
    failed: tuple[int, ...] = ()

    @classmethod
    def of(cls, matrix: SweepMatrix) -> Schedule | None:
        """How a sweep was asked for; None where no score decided what was asked."""
        if not matrix.adaptive.any():
            return None
        ranks = np.sort(midranks(matrix.places[None][:, matrix.counted])[0])
        return cls(
            int(np.argmax(matrix.adaptive)),
            _cohort_sizes(matrix.cohorts),
            tuple(float(rank) for rank in ranks),
            tuple(int(row) for row in np.flatnonzero(~matrix.counted)),
        )

    @property
    def configurations(self) -> int:
        """All that were asked for."""
        return sum(self.cohorts)

    def digest(self, space: Space) -> str:
        """Names the distribution of null replicates: sampler, space, and n with its ties."""
        import optuna

        about = {
            "format": FORMAT,
            "optuna": optuna.__version__,
            "space": space.digest,
            **asdict(self),
        }
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class NullReplicates:
    """Sweeps that can be compared: the rows that have a score, in the order of being asked for.

    Attributes:
        positions: by parameter, [sweeps, n]; a single row where all of them share the design.
        scores: ranks, larger is better, [sweeps, n].
    """

    positions: dict[str, Array]
    scores: Array

    @classmethod
    def of(cls, matrix: SweepMatrix) -> NullReplicates:
        """A sweep as one among its null replicates."""
        counted = matrix.counted
        positions = {name: one.shares[counted][None] for name, one in matrix.columns.items()}
        scores = matrix.places[counted][None]
        return cls(positions, midranks(scores) if counted.any() else np.empty((1, 0)))

    def __len__(self) -> int:
        return len(self.scores)


def simulate(space: Space, schedule: Schedule, count: int, seed: int) -> NullReplicates:
    """Run TPE on noise.

    Args:
        space: what is searched.
        schedule: how configurations are asked for.
        count: how many times; .2 s each for 60 configurations of six parameters.
        seed: of the noise and of the sampler.
    """
    runs, told = [], time.monotonic()
    for number in range(count):
        runs.append(_one(space, schedule, [seed, number]))
        if time.monotonic() - told >= _LINE_SECONDS:
            told = time.monotonic()
            logger.info("Runs the sampler on noise: %d of %d are done", number + 1, count)
    kept = np.setdiff1d(np.arange(schedule.configurations), schedule.failed)
    by_parameter = {
        name: np.stack([_shares(space, name, drawn)[kept] for drawn, _ in runs])
        for name in space.parameters
    }
    return NullReplicates(by_parameter, np.stack([scores for _, scores in runs]))


def _shares(space: Space, name: str, drawn: list[Configuration]) -> Array:
    series = pd.Series([one.get(name) for one in drawn], dtype=object)
    exists = np.array([name in one for one in drawn])
    return column_of(name, space.parameters[name], series, exists).shares


def _one(space: Space, schedule: Schedule, seed: list[int]) -> tuple[list[Configuration], Array]:
    """One null replicate: the configurations, and the scores of those that have one."""
    import optuna
    from optuna.trial import TrialState, create_trial

    rng = np.random.default_rng(seed)
    scores = rng.permutation(np.array(schedule.scores))
    told = np.full(schedule.configurations, np.nan)
    told[np.setdiff1d(np.arange(schedule.configurations), schedule.failed)] = scores
    sampler_seed, startup_seed = (int(number) for number in rng.integers(2**31, size=2))
    drawn: list[Configuration] = list(quasi_random_values(space, startup_seed, 0, schedule.startup))
    distributions = {name: distribution_of(p) for name, p in space.parameters.items()}
    with quiet():
        study = optuna.create_study(direction="maximize", sampler=tpe_sampler(sampler_seed))
        first = 0
        for size in schedule.cohorts:
            numbers = range(first, first + size)
            for number in numbers:
                if number >= schedule.startup:
                    drawn.append(suggested(space, study.ask()))
                    continue
                study.add_trial(
                    create_trial(
                        params=drawn[number],
                        distributions={name: distributions[name] for name in drawn[number]},
                        state=TrialState.RUNNING,
                    )
                )
            for number in numbers:
                if np.isfinite(told[number]):
                    study.tell(number, float(told[number]))
                else:
                    study.tell(number, state=TrialState.FAIL)
            first += size
    return drawn, scores


def _cohort_sizes(cohorts: Array) -> tuple[int, ...]:
    """Sizes of runs of rows that were asked for together; 1 each where that is unknown."""
    if not np.isfinite(cohorts).all():
        return (1,) * len(cohorts)
    starts = np.flatnonzero(np.diff(cohorts, prepend=cohorts[:1] - 1))
    return tuple(int(size) for size in np.diff(np.append(starts, len(cohorts))))
