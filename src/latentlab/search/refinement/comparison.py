"""Two sweeps of one study beside each other: did the refinement help?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import scipy.stats

from latentlab.errors import UserError
from latentlab.evidence.intervals import Interval, welch_interval
from latentlab.reporting.formatting import format_estimate, format_p, format_share
from latentlab.search.analysis.observations import Observations, observe
from latentlab.search.analysis.order_statistics import expected_best_of
from latentlab.search.analysis.winner import winner
from latentlab.search.refinement.ranks import Array, elites
from latentlab.search.table import SweepTable

LEVEL = 0.95
_RESAMPLES = 2_000
_ELITE_SHARE = 0.25

Verdict = Literal["better", "worse", "unclear"]


@dataclass(frozen=True)
class Comparison:
    """A second sweep against a first one.

    Attributes:
        table: one row per measure: `measure`, the values of `first` and `second`, their
            `difference` (above 0: the second is better), `low` and `high` of its interval, and
            `note`; in the objective's units.
        typical: whether the mean configuration of the second sweep is better.
        best: whether its winner is, with the winners' curse taken out; unclear without replicates.
        text: both in words.
    """

    table: pd.DataFrame
    typical: Verdict
    best: Verdict
    text: tuple[str, ...]


def compare(first: SweepTable, second: SweepTable, seed: int = 0) -> Comparison:
    """Compare two finished sweeps of one study, the refined one second.

    The best of more configurations is better by their number alone. Both sweeps are therefore also
    asked for the expected best of `m` configurations, m being the size of the smaller one, and
    half of m, where a bootstrap interval can be trusted; that of a sample's maximum cannot. The
    winners are compared by what fresh seeds are expected to show (empirical Bayes), with the
    uncertainty of that expectation.

    Rows of an adaptive sampler are not independent: intervals over configurations and the p-value
    of the Mann-Whitney test describe these sweeps rather than others of their kind.

    Args:
        first: the earlier sweep.
        second: the later one.
        seed: of the bootstrap.

    Raises:
        UserError: the sweeps have different objectives, or one of them no complete row.
    """
    one, other = first.objective, second.objective
    if (one.name, one.direction) != (other.name, other.direction):
        raise UserError(
            f"sweep {first.name} has objective {one.name} ({one.direction}), sweep {second.name} "
            f"{other.name} ({other.direction})",
            "Compare sweeps of one study with one objective",
        )
    rows = (observe(first), observe(second))
    a, b = rows[0].scores, rows[1].scores
    rng = np.random.default_rng(seed)
    smaller = min(len(a), len(b))
    half = max(smaller // 2, 1)
    mean = (float(a.mean()), float(b.mean()), welch_interval(b, a, LEVEL))
    measures: list[tuple[str, float, float, Interval, str]] = [
        ("mean of all", *mean, "95 % interval by Welch, over configurations"),
        _bootstrapped(
            f"mean of the best {format_share(_ELITE_SHARE)}",
            _elite_mean(a),
            _elite_mean(b),
            [_elite_mean(x) for x in _resampled(a, rng)],
            [_elite_mean(x) for x in _resampled(b, rng)],
        ),
        _bootstrapped(
            f"expected best of {half}",
            expected_best_of(a, half),
            expected_best_of(b, half),
            [expected_best_of(x, half) for x in _resampled(a, rng)],
            [expected_best_of(x, half) for x in _resampled(b, rng)],
        ),
        (
            f"expected best of {smaller}",
            expected_best_of(a, smaller),
            expected_best_of(b, smaller),
            (math.nan, math.nan),
            "the smaller sweep's own best: no interval",
        ),
        (
            f"best, of {len(a)} and {len(b)}",
            float(a.max()),
            float(b.max()),
            (math.nan, math.nan),
            "lucky seeds and, where numbers differ, more draws included",
        ),
    ]
    shrunken = _winners(first, second, rows)
    measures.append(shrunken)
    sign = one.sign
    table = pd.DataFrame(
        [
            {
                "measure": name,
                "first": sign * x,
                "second": sign * y,
                "difference": y - x,
                "low": interval[0],
                "high": interval[1],
                "note": note,
            }
            for name, x, y, interval, note in measures
        ]
    )
    typical, best = _verdict(mean[2]), _verdict(shrunken[3])
    return Comparison(table, typical, best, _text(table, typical, best, a, b))


def _verdict(interval: Interval) -> Verdict:
    low, high = interval
    if low > 0:
        return "better"
    return "worse" if high < 0 else "unclear"


def _elite_mean(scores: Array) -> float:
    chosen = elites(scores[None], _ELITE_SHARE)[0]
    return float(scores[chosen].mean()) if chosen.any() else math.nan


def _resampled(scores: Array, rng: np.random.Generator) -> Array:
    return scores[rng.integers(len(scores), size=(_RESAMPLES, len(scores)))]


def _bootstrapped(
    name: str, first: float, second: float, firsts: list[float], seconds: list[float]
) -> tuple[str, float, float, Interval, str]:
    differences = np.array(seconds) - np.array(firsts)
    ends = np.nanquantile(differences, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    note = "95 % bootstrap interval over configurations"
    return name, first, second, (float(ends[0]), float(ends[1])), note


def _winners(
    first: SweepTable, second: SweepTable, rows: tuple[Observations, Observations]
) -> tuple[str, float, float, Interval, str]:
    """What fresh seeds are expected to show of both winners.

    Given a normal distribution of configurations, the winner's true value has mean
    `shrunken_value` and variance `(1 - noise_share) * standard_error^2`, selection or not.
    """
    found = [winner(t, r).iloc[0] for t, r in zip((first, second), rows, strict=True)]
    sign = first.objective.sign
    values = [sign * float(one["shrunken_value"]) for one in found]
    variance = sum((1 - one["noise_share"]) * one["standard_error"] ** 2 for one in found)
    half = float(scipy.stats.norm.ppf((1 + LEVEL) / 2)) * math.sqrt(variance)
    gap = values[1] - values[0]
    if math.isnan(gap):
        note = "unknown: no configuration was trained on two seeds"
    else:
        note = "winner's curse taken out; 95 % interval over seeds"
    return "winner on fresh seeds", values[0], values[1], (gap - half, gap + half), note


def _text(
    table: pd.DataFrame, typical: Verdict, best: Verdict, a: Array, b: Array
) -> tuple[str, ...]:
    tested = scipy.stats.mannwhitneyu(b, a)
    above = float(tested.statistic) / (len(a) * len(b))
    differences = {
        name: _difference(*ends)
        for name, *ends in table[["measure", "difference", "low", "high"]].itertuples(index=False)
    }
    return (
        f"A typical configuration of the second sweep is {_word(typical)}: mean "
        f"{differences['mean of all']}; it beats one of the first with probability "
        f"{format_share(round(above, 2))} (Mann-Whitney p {format_p(float(tested.pvalue))}).",
        f"Its winner is {_word(best)}: {differences['winner on fresh seeds']}.",
    )


def _word(verdict: Verdict) -> str:
    return "not clearly better or worse" if verdict == "unclear" else verdict


def _difference(value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return "unknown without replicates"
    return "difference " + format_estimate(value, low, high)
