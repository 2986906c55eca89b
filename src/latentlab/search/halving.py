"""Successive halving: at which epochs configurations are compared, and which of them go on."""

from __future__ import annotations

from collections.abc import Mapping

from latentlab.search.settings import Halving


def rungs_of(halving: Halving, cohort: int, epochs: int) -> tuple[int, ...]:
    """Return the epochs at whose end the worse configurations of a cohort stop.

    Successive halving (Jamieson & Talwalkar 2016) has one bracket; with several, cohorts take
    turns at brackets that begin later and later, as Hyperband does (Li et al. 2018).

    Args:
        halving: settings.
        cohort: index of the cohort.
        epochs: of a whole training; no rung is there or beyond.

    >>> rungs_of(Halving(first=1, factor=3, brackets=2), cohort=1, epochs=27)
    (3, 9)
    """
    bracket = cohort % halving.brackets
    if halving.rungs is not None:
        return tuple(rung for rung in halving.rungs[bracket:] if rung < epochs)
    rung = halving.earliest * halving.factor**bracket
    rungs = []
    while rung < epochs:
        rungs.append(rung)
        rung *= halving.factor
    return tuple(rungs)


def survivors(scores: Mapping[int, float], factor: int) -> frozenset[int]:
    """Return the best 1 / factor of the configurations, at least one; of equals the earlier ones.

    Args:
        scores: by number of the configuration; less is better, infinite where it diverged.
        factor: above 1.

    >>> sorted(survivors({0: 0.5, 1: 0.1, 2: 0.4, 3: float("inf")}, factor=2))
    [1, 2]
    """
    keep = max(1, len(scores) // factor)
    ranked = sorted(scores, key=lambda number: (scores[number], number))
    return frozenset(ranked[:keep])
