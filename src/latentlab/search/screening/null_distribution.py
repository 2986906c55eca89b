"""Sweeps in which nothing matters, to compare a sweep with; slow ones are kept in files."""

from __future__ import annotations

import itertools
import logging
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latentlab.core.files import atomic_file
from latentlab.search.matrix import SweepMatrix
from latentlab.search.screening.null_replicates import NullReplicates, Schedule, simulate
from latentlab.search.space import Space

logger = logging.getLogger(__name__)

_CELLS = 2_000_000
"""Scores that are worked on at once."""
_FEWEST_PERMUTATIONS = 499
_MOST_ENUMERATED = 7
"""Rows up to which all orders of the scores are visited: 7! = 5,040."""
_CELLS_IN_ALL = 5_000_000
_RUNS = (99, 49)
"""Fewer runs of the sampler, at which a test at the levels of the screening is exact too."""
_MOST_RERUN = 300
"""Configurations that an adaptive sampler is run for: its cost grows faster than their number."""
_FEWEST_CONFIGURATIONS = 20
_OTHER_WORK = 6
"""What the sampler does once a configuration costs as much as drawing so many parameters."""
_SECONDS = 0.0004
"""For each parameter drawn."""


@dataclass
class NullDistribution:
    """The distribution of all statistics of a sweep where no parameter matters.

    Where no score decided what was asked, the scores are permuted over the given configurations (in
    all orders where these are few): an exact test that needs no model of the sampler. Else the
    sampler is run on noise.

    Attributes:
        folder: where runs of the sampler on noise are kept between calls; None: in memory only.
        runs: of the sampler. A test at level alpha is exact for any number of which
            `alpha * (runs + 1)` is whole; more of them cost time and add a little power.
        permutations: of the scores; fewer in very long sweeps.
        seed: of both.
        minutes: that the runs may take, by what they take on a usual core; None: any. Fewer runs
            of fewer configurations are made, the same ones on every machine.
    """

    folder: Path | None = None
    runs: int = 149
    permutations: int = 4_999
    seed: int = 0
    minutes: float | None = None
    _known: dict[str, NullReplicates] = field(default_factory=dict, repr=False)

    def most_configurations(self, space: Space) -> int:
        """The first so many configurations can be compared with the sampler run on noise."""
        if self.minutes is None:
            return _MOST_RERUN
        affordable = self.minutes * 60 / self._seconds(space, 1, min(_RUNS))
        return min(_MOST_RERUN, max(int(affordable), _FEWEST_CONFIGURATIONS))

    def _seconds(self, space: Space, configurations: int, runs: int) -> float:
        return _SECONDS * configurations * (len(space.parameters) + _OTHER_WORK) * runs

    def _runs_of(self, space: Space, schedule: Schedule) -> int:
        for runs in (self.runs, *_RUNS):
            seconds = self._seconds(space, schedule.configurations, runs)
            if self.minutes is None or seconds <= self.minutes * 60:
                return runs
        return min(_RUNS)

    def of(self, matrix: SweepMatrix) -> Iterator[NullReplicates]:
        """Null replicates of a sweep, in parts that fit into memory."""
        schedule = Schedule.of(matrix)
        rows = int(matrix.counted.sum())
        part = max(_CELLS // max(rows, 1), 1)
        if schedule is not None:
            whole = self._sampled(matrix.space, schedule)
            for first in range(0, len(whole), part):
                chosen = slice(first, first + part)
                yield NullReplicates(
                    {name: p[chosen] for name, p in whole.positions.items()}, whole.scores[chosen]
                )
            return
        own = NullReplicates.of(matrix)
        if rows <= _MOST_ENUMERATED:
            orders = np.array(list(itertools.permutations(range(rows))), dtype=np.intp)
            # The first order is the sweep's own, which counts already.
            yield NullReplicates(own.positions, own.scores[0][orders[1:]])
            return
        rng = np.random.default_rng(self.seed)
        fewer = max(_CELLS_IN_ALL // max(rows, 1), _FEWEST_PERMUTATIONS)
        left = min(self.permutations, fewer)
        while left > 0:
            count = min(part, left)
            scores = rng.permuted(np.repeat(own.scores, count, axis=0), axis=1)
            yield NullReplicates(own.positions, scores)
            left -= count

    def _sampled(self, space: Space, schedule: Schedule) -> NullReplicates:
        runs = self._runs_of(space, schedule)
        key = f"{schedule.digest(space)}_{runs}_{self.seed}"
        if key not in self._known:
            self._known[key] = self._stored(key, space) or self._run(key, space, schedule, runs)
        return self._known[key]

    def _run(self, key: str, space: Space, schedule: Schedule, runs: int) -> NullReplicates:
        logger.info(
            "Runs the sampler on noise: %d times %d configurations, about %.0f s%s",
            runs,
            schedule.configurations,
            self._seconds(space, schedule.configurations, runs),
            "" if self.folder is None else ", kept for the next time",
        )
        found = simulate(space, schedule, runs, self.seed)
        if self.folder is not None:
            with atomic_file(self._path(key)) as file:
                # By place, since names may hold what a file in an archive cannot be called.
                columns = {f"p{k}": p for k, p in enumerate(found.positions.values())}
                np.savez(file, allow_pickle=False, scores=found.scores, **columns)
        return found

    def _stored(self, key: str, space: Space) -> NullReplicates | None:
        if self.folder is None or not self._path(key).exists():
            return None
        try:
            with np.load(self._path(key)) as file:
                columns = {name: file[f"p{k}"] for k, name in enumerate(space.parameters)}
                return NullReplicates(columns, file["scores"])
        except (OSError, KeyError, ValueError, zipfile.BadZipFile):
            logger.warning("%s cannot be read; the sampler is run again", self._path(key))
            return None

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"noise_{key}.npz"
