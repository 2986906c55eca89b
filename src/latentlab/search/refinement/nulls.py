"""Studies in which nothing matters, to compare a sweep with; slow ones are kept in files."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latentlab.core.files import atomic_file
from latentlab.search.refinement.null_model import Schedule, Studies, simulate
from latentlab.search.refinement.observed import Observed, observe
from latentlab.search.space import Space
from latentlab.search.table import SweepTable

logger = logging.getLogger(__name__)

_CELLS = 2_000_000
"""Scores that are worked on at once."""
_FEWEST_PERMUTATIONS = 999
_CELLS_IN_ALL = 10_000_000


@dataclass
class Nulls:
    """Where studies of noise come from.

    Where no score decided what was asked, the scores are permuted over the given configurations: an
    exact test that needs no model of the sampler. Else the sampler is run on noise.

    Attributes:
        folder: where runs of the sampler on noise are kept between calls; None: in memory only.
        studies: runs of the sampler. A test at level alpha is exact for any number of which
            `alpha * (studies + 1)` is whole; more of them cost time and add a little power.
        permutations: of the scores; fewer in very long sweeps.
        seed: of both.
    """

    folder: Path | None = None
    studies: int = 149
    permutations: int = 4_999
    seed: int = 0
    _known: dict[str, Studies] = field(default_factory=dict, repr=False)

    def of(self, space: Space, observed: Observed) -> Iterator[Studies]:
        """Studies of noise for a sweep, in parts that fit into memory."""
        part = max(_CELLS // max(observed.rows, 1), 1)
        if observed.schedule is not None:
            whole = self._sampled(space, observed.schedule)
            for first in range(0, len(whole), part):
                chosen = slice(first, first + part)
                yield Studies(
                    {name: p[chosen] for name, p in whole.positions.items()}, whole.scores[chosen]
                )
            return
        rng = np.random.default_rng(self.seed)
        fewer = max(_CELLS_IN_ALL // max(observed.rows, 1), _FEWEST_PERMUTATIONS)
        left = min(self.permutations, fewer)
        while left > 0:
            count = min(part, left)
            scores = rng.permuted(np.repeat(observed.study.scores, count, axis=0), axis=1)
            yield Studies(observed.study.positions, scores)
            left -= count

    def of_sampler(self, table: SweepTable) -> Studies | None:
        """The sampler of a sweep, run on noise; None where no score decided what was asked."""
        observed = observe(table)
        if observed.schedule is None:
            return None
        return self._sampled(table.space, observed.schedule)

    def _sampled(self, space: Space, schedule: Schedule) -> Studies:
        key = f"{schedule.digest(space)}_{self.studies}_{self.seed}"
        if key not in self._known:
            self._known[key] = self._stored(key, space) or self._run(key, space, schedule)
        return self._known[key]

    def _run(self, key: str, space: Space, schedule: Schedule) -> Studies:
        logger.info(
            "Runs the sampler on noise: %d times %d configurations, kept for the next time",
            self.studies,
            schedule.configurations,
        )
        found = simulate(space, schedule, self.studies, self.seed)
        if self.folder is not None:
            with atomic_file(self._path(key)) as file:
                # By place, since names may hold what a file in an archive cannot be called.
                columns = {f"p{k}": p for k, p in enumerate(found.positions.values())}
                np.savez(file, allow_pickle=False, scores=found.scores, **columns)
        return found

    def _stored(self, key: str, space: Space) -> Studies | None:
        if self.folder is None or not self._path(key).exists():
            return None
        try:
            with np.load(self._path(key)) as file:
                columns = {name: file[f"p{k}"] for k, name in enumerate(space.parameters)}
                return Studies(columns, file["scores"])
        except (OSError, KeyError, ValueError, zipfile.BadZipFile):
            logger.warning("%s cannot be read; the sampler is run again", self._path(key))
            return None

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"noise_{key}.npz"
