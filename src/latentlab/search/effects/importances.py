"""How much each parameter decides: PED-ANOVA on all rows, fANOVA on some, and chance beside them.

An importance is never negative and importances sum to 1, so that of pure noise is not 0. Each one
therefore comes with the band in which the importances of rearranged scores lie.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array, Mask
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.columns import Column
from latentlab.search.effects.elites import elite_counts
from latentlab.search.effects.parzen import cells_of, density, divergence
from latentlab.search.matrix import SweepMatrix
from latentlab.search.parameters import IntParameter
from latentlab.search.proposals import distribution_of, quiet

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

COLUMNS = (
    "parameter",
    "evaluator",
    "optuna",
    "regime",
    "n",
    "importance",
    "low",
    "high",
    "null_median",
    "null_high_all",
)
_MOST_ONE_HOT = 6
"""fANOVA sees more choices by their place: of one column each it visits all 2^choices cells."""
# Fewer rows than this have no best quarter that could be told from the rest.
_FEWEST = 8


@dataclass(frozen=True)
class _Regime:
    """Rows that have the same conditional parameters, and what is scored on them.

    Attributes:
        columns: all parameters that exist in all these rows, over these rows.
        own: names of those that exist nowhere else: they are scored here.
    """

    columns: tuple[Column, ...]
    own: tuple[str, ...]
    rows: Mask
    text: str


def importances(rows: SweepMatrix, settings: AnalysisSettings) -> pd.DataFrame:
    """Shares of the parameters in what separates good rows from the rest.

    A conditional parameter is scored on the rows that have it, among the parameters that all of
    those rows have, as if they were a sweep of their own (`regime`): its share is one of that
    regime, and is not to be added to the others.

    Args:
        rows: complete rows.
        settings: the elites' share, which is PED-ANOVA's target quantile; draws; fANOVA's rows.

    Returns:
        Two rows per parameter, one per evaluator, by importance:

        * PED-ANOVA (Watanabe et al. 2023) asks what makes a row one of the best. `low` and `high`
          are the percentile interval of resampled rows. `null_median` is the median of the
          importances when the best are rows picked at random; `null_high_all` is so high that with
          the chance of the level no parameter of the table exceeds its own. All are shares of the
          observed total.
        * fANOVA (Hutter et al. 2014) asks what share of a random forest's variance a parameter
          explains. Where there are more than `settings.fanova_rows` rows it sees a seeded sample
          of them, which `n` and `evaluator` say. It has no interval and no band: one forest takes
          as long as all of PED-ANOVA's draws.
    """
    regimes = _regimes(rows)
    ped = [one for regime in regimes for one in _ped_anova(regime, rows, settings)]
    found = [*_with_bands(ped, settings.level)]
    found += [one for regime in regimes for one in _fanova(regime, rows, settings)]
    table = pd.DataFrame(found, columns=list(COLUMNS))
    return table.sort_values(
        ["evaluator", "importance"], ascending=[True, False], ignore_index=True
    )


def _regimes(rows: SweepMatrix) -> list[_Regime]:
    masks: dict[bytes, list[Column]] = {}
    for column in rows.columns.values():
        masks.setdefault(column.exists.tobytes(), []).append(column)
    found = []
    for own in masks.values():
        here = own[0].exists
        if not here.any():
            continue
        everywhere = [c for c in rows.columns.values() if bool(c.exists[here].all())]
        text = "all rows" if here.all() else _condition(own[0])
        columns = tuple(column.take(here) for column in everywhere)
        found.append(_Regime(columns, tuple(column.name for column in own), here, text))
    return found


def _condition(column: Column) -> str:
    when = column.parameter.when
    if not when:
        return f"rows with {column.name}"
    return " and ".join(
        f"{name} = {' or '.join(map(str, wanted)) if isinstance(wanted, list) else wanted}"
        for name, wanted in when.items()
    )


def _ped_anova(
    regime: _Regime, rows: SweepMatrix, settings: AnalysisSettings
) -> list[dict[str, Any]]:
    scores = rows.scores[regime.rows]
    n = len(scores)
    raw: dict[str, tuple[Array, Array]] = {}
    if n >= _FEWEST:
        raw = _ped_anova_draws(regime.columns, scores, settings)
    # The first table of the draws is the observed one.
    total = sum(float(draws[0]) for draws, _ in raw.values())
    resampled = sum((draws for draws, _ in raw.values()), np.zeros(settings.bootstraps + 1))
    tail = (1 - settings.level) / 2
    found = []
    for name in regime.own:
        share = low = high = math.nan
        null: Array = np.empty(0)
        if total > 0:
            draws, noise = raw[name]
            shares = np.divide(draws, resampled, out=np.zeros_like(draws), where=resampled > 0)
            share, null = float(shares[0]), noise / total
            low, high = np.quantile(shares[1:], [tail, 1 - tail])
        quantile = f"best {settings.elite_share:.0%} against all"
        found.append(
            {
                **_named(name, f"PED-ANOVA, {quantile}", regime, n),
                "importance": share,
                "low": float(low),
                "high": float(high),
                "null": null,
            }
        )
    return found


def _ped_anova_draws(
    columns: Sequence[Column], scores: Array, settings: AnalysisSettings
) -> dict[str, tuple[Array, Array]]:
    """Unnormalised importances by parameter: of the table and its resamples; of random elites."""
    n = len(scores)
    rng = np.random.default_rng([settings.seed, n])
    resampled = rng.multinomial(n, np.full(n, 1 / n), size=settings.bootstraps)
    counts = np.vstack([np.ones((1, n), dtype=np.int64), resampled])
    top = elite_counts(scores, counts, settings.elite_share)
    if not top[0].any():
        return {}
    return {
        column.name: (
            ped_anova(column, top, counts.astype(np.float64)),
            _random_elites(column, int(top[0].sum()), settings.null_draws, rng),
        )
        for column in columns
    }


def _random_elites(column: Column, elites: int, draws: int, rng: np.random.Generator) -> Array:
    """Importances where the best are rows picked at random, [draws].

    Only the numbers of picked rows in each cell matter, and those are hypergeometric.
    """
    cells, size = cells_of(column)
    rows = np.bincount(cells, minlength=size)
    picked = rng.multivariate_hypergeometric(rows, elites, size=draws, method="marginals")
    return _importance(picked.astype(np.float64), rows[None].astype(np.float64), column)


def ped_anova(column: Column, top: Array, region: Array) -> Array:
    """PED-ANOVA's importance of a parameter, not normalised, for many tables.

    Args:
        column: a parameter that all rows have.
        top: how often each row counts among the best, [tables, rows].
        region: how often it counts at all, [tables, rows] or [1, rows].

    Returns:
        Shape [tables]; as `PedAnovaImportanceEvaluator(target_quantile=..).evaluate` on a study of
        those rows, the quantile being the best rows' share.
    """
    cells, size = cells_of(column)
    belongs = np.eye(size)[cells]
    return _importance(top @ belongs, region @ belongs, column)


def _importance(best: Array, region: Array, column: Column) -> Array:
    """Importance from the numbers of best and of all rows in each cell, [tables, cells]."""
    found = np.zeros(len(best))
    # A resampled table may be one plateau without a best.
    some = best.sum(axis=1) > 0
    if best.shape[1] < 2 or not some.any():
        return found
    categorical = bool(column.choices)
    best, region = best[some], region[some] if len(region) > 1 else region
    quantile = best.sum(axis=1) / region.sum(axis=1)
    apart = divergence(density(best, categorical), density(region, categorical))
    found[some] = quantile**2 * apart
    return found


def _with_bands(found: list[dict[str, Any]], level: float) -> list[dict[str, Any]]:
    """Put the null bands in, for all parameters together (Sidak)."""
    members = sum(len(one["null"]) > 0 for one in found)
    banded = []
    for one in found:
        null = one.pop("null")
        bands = [math.nan] * 2
        if len(null):
            bands = np.quantile(null, [0.5, level ** (1 / members)]).tolist()
        banded.append({**one, **dict(zip(COLUMNS[-2:], bands, strict=True))})
    return banded


def _fanova(regime: _Regime, rows: SweepMatrix, settings: AnalysisSettings) -> list[dict[str, Any]]:
    scores = rows.scores[regime.rows]
    total = len(scores)
    used = np.arange(total)
    evaluator = "fANOVA"
    if total > settings.fanova_rows:
        rng = np.random.default_rng([settings.seed, total])
        used = np.sort(rng.choice(total, settings.fanova_rows, replace=False))
        evaluator = f"fANOVA, {settings.fanova_rows} of {total} rows at random"
    shares: dict[str, float] = {}
    if total >= _FEWEST and np.ptp(scores[used]) > 0:
        shares = fanova(regime.columns, scores, used, settings.seed)
    return [
        {
            **_named(name, evaluator, regime, len(used)),
            "importance": shares.get(name, math.nan),
            **dict.fromkeys(COLUMNS[6:], math.nan),
        }
        for name in regime.own
    ]


def fanova(columns: Sequence[Column], scores: Array, used: Any, seed: int) -> dict[str, float]:
    """Optuna's fANOVA of some rows, normalised to sum to 1; empty where no tree splits.

    Args:
        columns: parameters that all rows have.
        scores: larger is better, [rows].
        used: indices of the rows.
        seed: of the random forest.
    """
    import optuna

    with quiet():
        distributions = {column.name: _fanova_kind(column) for column in columns}
        study = optuna.create_study(direction="maximize")
        study.add_trials(
            [
                optuna.trial.create_trial(
                    params={column.name: _value(column, row) for column in columns},
                    distributions=distributions,
                    value=float(scores[row]),
                )
                for row in used
            ]
        )
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
        try:
            return optuna.importance.get_param_importances(study, evaluator=evaluator)
        except RuntimeError:
            # So Optuna says that no tree found a split, as on a plateau with few other values.
            return {}


def _fanova_kind(column: Column) -> BaseDistribution:
    if len(column.choices) > _MOST_ONE_HOT:
        import optuna

        return optuna.distributions.IntDistribution(0, len(column.choices) - 1)
    return distribution_of(column.parameter)


def _value(column: Column, row: int) -> Any:
    parameter = column.parameter
    if len(column.choices) > _MOST_ONE_HOT:
        return int(column.codes[row])
    if column.choices:
        return column.choices[column.codes[row]]
    assert parameter.type != "categorical"
    # A foreign table may hold a value beyond the bounds by rounding.
    inside = min(max(float(column.values[row]), parameter.low), parameter.high)
    return round(inside) if isinstance(parameter, IntParameter) else inside


def _named(name: str, evaluator: str, regime: _Regime, n: int) -> dict[str, Any]:
    import optuna

    return {
        "parameter": name,
        "evaluator": evaluator,
        "optuna": optuna.__version__,
        "regime": regime.text,
        "n": n,
    }
