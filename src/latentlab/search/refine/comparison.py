"""Two sweeps of one study beside each other: did the refinement help?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import scipy.stats

from latentlab.core.arrays import Array
from latentlab.core.errors import UserError
from latentlab.reporting.formatting import format_estimate, format_p, format_share
from latentlab.search.effects.selection_bias import winner
from latentlab.search.matrix import SweepMatrix, sweep_matrix
from latentlab.search.table import SweepTable
from latentlab.statistics.intervals import Interval, welch_interval
from latentlab.statistics.ranks import best_rows
from latentlab.statistics.selection_bias import expected_best_of, log_binomial

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
        text: whether the mean configuration of the second sweep is better, and whether its winner
            is, with the winners' curse taken out; unclear without replicates.
    """

    table: pd.DataFrame
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
    rows = (sweep_matrix(first).finished, sweep_matrix(second).finished)
    a, b = rows[0].scores, rows[1].scores
    rng = np.random.default_rng(seed)
    smaller = min(len(a), len(b))
    half = max(smaller // 2, 1)
    mean = (float(a.mean()), float(b.mean()), welch_interval(b, a, LEVEL))
    measures: list[tuple[str, float, float, Interval, str]] = [
        ("mean of all", *mean, "95 % interval by Welch, over configurations"),
        _bootstrapped(
            f"mean of the best {format_share(_ELITE_SHARE)}",
            _elite_means(a[None])[0],
            _elite_means(b[None])[0],
            _elite_means(_resampled(b, rng)) - _elite_means(_resampled(a, rng)),
        ),
        _bootstrapped(
            f"expected best of {half}",
            expected_best_of(a, half),
            expected_best_of(b, half),
            _expected_bests(_resampled(b, rng), half) - _expected_bests(_resampled(a, rng), half),
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
    return Comparison(table, _text(table, typical, best, a, b))


def _verdict(interval: Interval) -> Verdict:
    low, high = interval
    if low > 0:
        return "better"
    return "worse" if high < 0 else "unclear"


def _elite_means(scores: Array) -> Array:
    """Mean of the elites of each sample; NaN for a plateau, [samples]."""
    chosen = best_rows(scores, _ELITE_SHARE)
    count = chosen.sum(axis=1)
    total = np.where(chosen, scores, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(scores), np.nan), where=count > 0)


def _expected_bests(scores: Array, k: int) -> Array:
    """Expected best of `k` of each sample (as `expected_best_of` of one), [samples]."""
    n = scores.shape[1]
    ranks = np.arange(k, n + 1)
    weights = np.exp(log_binomial(ranks - 1, k - 1) - log_binomial(np.array([n]), k))
    return np.asarray(np.sort(scores, axis=1)[:, k - 1 :] @ weights)


def _resampled(scores: Array, rng: np.random.Generator) -> Array:
    return scores[rng.integers(len(scores), size=(_RESAMPLES, len(scores)))]


def _bootstrapped(
    name: str, first: float, second: float, differences: Array
) -> tuple[str, float, float, Interval, str]:
    ends = np.nanquantile(differences, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    note = "95 % bootstrap interval over configurations"
    return name, float(first), float(second), (float(ends[0]), float(ends[1])), note


def _winners(
    first: SweepTable, second: SweepTable, rows: tuple[SweepMatrix, SweepMatrix]
) -> tuple[str, float, float, Interval, str]:
    """What fresh seeds are expected to show of both winners.

    For k configurations whose true values are normal, the winner's true value is expected at
    `shrunken_value`. With B the share of noise in the configurations' variance, V the variance of a
    configuration's mean over seeds, and g the winner's lead over the mean of all, its variance is
    V (1 - (k - 1) / k B) + 2 / (k - 3) B^2 g^2, where the second term is for B being estimated
    (Morris 1983). This holds although the winner was selected.
    """
    found = [winner(t, r).iloc[0] for t, r in zip((first, second), rows, strict=True)]
    sign = first.objective.sign
    values = [sign * float(one["shrunken_value"]) for one in found]
    half = float(scipy.stats.norm.ppf((1 + LEVEL) / 2))
    half *= math.sqrt(sum(_variance_of_winner(one) for one in found))
    gap = values[1] - values[0]
    if math.isnan(gap + half):
        gap, note = math.nan, "unknown: too few configurations, or none trained on two seeds"
    else:
        note = "winner's curse taken out; 95 % interval over seeds"
    return "winner on fresh seeds", values[0], values[1], (gap - half, gap + half), note


def _variance_of_winner(one: pd.Series) -> float:
    rows, noise = int(one["rows"]), float(one["noise_share"])
    if rows <= 3:
        return math.nan
    among_seeds = float(one["standard_error"]) ** 2 * (1 - (rows - 1) / rows * noise)
    return among_seeds + 2 / (rows - 3) * (noise * float(one["gap"])) ** 2


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
        f"A typical configuration of the second sweep is {_in_words(typical)}: mean "
        f"{differences['mean of all']}; it beats one of the first with probability "
        f"{format_share(round(above, 2))} (Mann-Whitney p {format_p(float(tested.pvalue))}).",
        f"Its winner is {_in_words(best)}: {differences['winner on fresh seeds']}.",
    )


def _in_words(verdict: Verdict) -> str:
    return "not clearly better or worse" if verdict == "unclear" else verdict


def _difference(value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return "unknown without replicates of several configurations"
    return "difference " + format_estimate(value, low, high)
