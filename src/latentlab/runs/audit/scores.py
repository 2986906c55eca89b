"""Rules about values: counts that they cannot come from, ties, ranges, metrics at odds."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from pandas.api.types import is_float_dtype
from scipy.stats import binom, rankdata

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import format_number, plural
from latentlab.runs.audit.audited import Audited
from latentlab.runs.audit.findings import Finding, Severity
from latentlab.runs.audit.measuring import is_time
from latentlab.runs.audit.near_replicates import step_of
from latentlab.runs.metric_names import better_of, words_of

_COUNTED = {"acc", "accuracy", "correct", "err", "error", "errorrate"}
"""Words of metrics that are a count of examples over their number."""
_EXAMPLES = re.compile(
    r"(n|num|number)(_of)?_(test|eval|valid|val)?_?(examples|samples|test|eval)|test_size|support"
)
_UNIT = {
    "acc",
    "accuracy",
    "auc",
    "auroc",
    "auprc",
    "f1",
    "precision",
    "recall",
    "iou",
    "miou",
    "dice",
    "nmi",
    "ndcg",
    "mrr",
    "sensitivity",
    "specificity",
    "ks",
    "ece",
    "brier",
    "ssim",
}
_SIGNED = {"mcc", "kappa", "pearson", "spearman", "silhouette", "rho"}
_NOT_NEGATIVE = {
    "mse",
    "rmse",
    "mae",
    "mape",
    "perplexity",
    "ppl",
    "fid",
    "wer",
    "cer",
    "seconds",
    "latency",
    "runtime",
    "duration",
    "throughput",
    "kl",
}
_TIED_SHARE, _FEWEST_TIED, _TIE_LEVEL = 0.2, 4, 1e-6
_AT_ODDS, _FEWEST_ARMS = -0.9, 5


def granularity_findings(audited: Audited) -> Iterator[Finding]:
    """D21: shares that no whole number of examples gives (GRIM, Brown & Heathers 2017)."""
    sizes = _example_counts(audited)
    assert sizes is not None
    name, n = sizes
    for column in audited.columns:
        words = set(words_of(column))
        values = audited.scores[column].to_numpy(dtype=np.float64)
        if not words & _COUNTED or not np.nanmax(np.abs(values), initial=0) <= 1:
            continue
        here = np.isfinite(values) & np.isfinite(n)
        half = _written_to(values[here]) / 2
        counts = values * n
        off = np.abs(counts - np.round(counts))
        wrong = here & (off > half * n + 1e-6 * np.maximum(counts, 1))
        if not wrong.any():
            continue
        k = int(np.flatnonzero(wrong)[0])
        text = (
            f"{column}: {plural(int(wrong.sum()), 'value')} cannot be a count over {name}: "
            f"{format_number(float(values[k]), 6)} of {n[k]:.0f} would be {counts[k]:.3f} examples."
        )
        remedy = f"Correct {name}, or say what {column} is a mean of."
        yield Finding("D21", "error", text, column, audited.named(wrong), remedy)


def _example_counts(audited: Audited) -> tuple[str, Array] | None:
    for table in (audited.settings, audited.recorded):
        for name in table:
            joined = "_".join(words_of(str(name)))
            if _EXAMPLES.fullmatch(joined) and is_float_dtype(table[name]):
                n = table[name].to_numpy(dtype=np.float64)
                if np.nanmin(n, initial=math.inf) > 1:
                    return str(name), n
    return None


def knows_examples(audited: Audited) -> bool:
    """Whether a column says over how many examples scores are means."""
    return _example_counts(audited) is not None


def plateau_findings(audited: Audited) -> Iterator[Finding]:
    """D22: one value that many runs share, more than the digits explain."""
    group = audited.configurations
    for column in audited.columns:
        table = pd.DataFrame({"group": group, "value": audited.score(column)}).dropna()
        # A configuration in which no seed enters is one observation.
        once = table.drop_duplicates(["group", "value"])
        tied = once["value"].value_counts()
        n = len(once)
        if n < 2 * _FEWEST_TIED or once["value"].nunique() < 2:
            continue
        value, count = float(tied.index[0]), int(tied.iloc[0])
        if count < max(_TIED_SHARE * n, _FEWEST_TIED):
            continue
        rest = once.loc[once["value"] != value, "value"].to_numpy()
        step = step_of(once["value"].to_numpy())
        low, high = np.quantile(rest, [0.25, 0.75])
        # The density of no unimodal sample is much higher than 1 over the range of its inner half.
        expected = min(1.0, step / max(high - low, step))
        if binom.sf(count - 1, n, expected) > _TIE_LEVEL:
            continue
        where = audited.score(column) == value
        text = (
            f"{column}: {int(where.sum())} of {int(np.isfinite(audited.score(column)).sum())} runs "
            f"have {format_number(value)}, more than its digits explain: as a constant prediction "
            "or a bound has it. Rank tests lose power by it, and means hide that there are two "
            "kinds of runs."
        )
        remedy = (
            "Compare that value with the score of a constant prediction; count such runs apart."
        )
        yield Finding("D22", "warning", text, column, audited.named(where), remedy)


def meaning_findings(audited: Audited) -> Iterator[Finding]:
    """D23: values outside the range of a metric, in two units, or all exactly zero; no numbers."""
    for column in audited.columns:
        values = audited.scores[column].to_numpy(dtype=np.float64)
        finite = np.isfinite(values)
        low, high = _range_of(audited, column, values[finite])
        outside = finite & ((values < low - 1e-9) | (values > high + 1e-9))
        if outside.any():
            first = float(values[outside][0])
            text = (
                f"{column}: {plural(int(outside.sum()), 'value')} outside [{low:g}, {high:g}] "
                f"(first {format_number(first)}), which it cannot be; units may be mixed."
            )
            remedy = "Correct these values where they were computed."
            yield Finding("D23", "error", text, column, audited.named(outside), remedy)
        infinite = np.isinf(values) & (audited.states == "complete")
        if infinite.any():
            text = (
                f"{column}: {plural(int(infinite.sum()), 'finished run')} with an infinite value."
            )
            remedy = "Count them as diverged."
            yield Finding("D23", "warning", text, column, audited.named(infinite), remedy)
        if finite.sum() > 1 and not np.any(values[finite]):
            # A metric that declares 0 as its lowest value may reach it, and a flag that somebody
            # logged among the scores may be off.
            metric = audited.metrics[column]
            may_be = metric.low == 0 or metric.better == "none"
            text = (
                f"{column} is exactly 0 in all {int(finite.sum())} runs: not measured, or there is "
                "nothing to compare."
            )
            remedy = "Find out whether it is computed at all before anything is said of it."
            severity: Severity = "warning" if may_be else "error"
            yield Finding("D23", severity, text, column, "", remedy)
            continue
        yield from _zero_arm(audited, column, values)


def _zero_arm(audited: Audited, column: str, values: Array) -> Iterator[Finding]:
    """An arm whose every value is exactly 0 beside others without a 0."""
    if audited.arms is None or better_of(column) == "lower":
        return
    zero = pd.Series(values == 0).groupby(audited.arms).agg(["all", "any", "size"])
    arms = zero.index[zero["all"] & (zero["size"] > 1)]
    if len(arms) and not zero.loc[~zero["all"], "any"].any():
        text = (
            f"{column} is exactly 0 in every run of {', '.join(map(str, arms))} and in none of the "
            "others: not measured there, or switched off."
        )
        remedy = "Find out which; a quantity that an arm does not have cannot be compared."
        where = np.isin(audited.arms, list(arms))
        yield Finding("D23", "warning", text, column, audited.named(where), remedy)


def _range_of(audited: Audited, column: str, values: Array) -> tuple[float, float]:
    """The range that a metric declares, or else that its name says."""
    metric = audited.metrics[column]
    if math.isfinite(metric.low) or math.isfinite(metric.high):
        return metric.low, metric.high
    words = set(words_of(column))
    if words & {"log", "neg", "negative", "ratio", "delta", "diff", "loss", "gain", "change"}:
        return -math.inf, math.inf
    if words & _UNIT:
        percent = len(values) > 0 and float(np.median(values)) > 1.5
        return 0.0, 100.0 if percent else 1.0
    if words & _SIGNED:
        return -1.0, 1.0
    if words & {"r2"}:
        return -math.inf, 1.0
    return (0.0, math.inf) if words & _NOT_NEGATIVE else (-math.inf, math.inf)


def odds_findings(audited: Audited) -> Iterator[Finding]:
    """D24: two metrics that order arms, or else configurations, the opposite way."""
    unit = audited.arms if audited.arms is not None else audited.configurations
    scores = pd.DataFrame({column: audited.score(column) for column in audited.columns})
    means = scores.groupby(unit).mean()
    told = {}
    for column in audited.columns:
        better = audited.metrics[column].better
        if better != "none" and not is_time(column):
            told[column] = means[column] * (1 if better == "higher" else -1)
    names = list(told)
    for k, one in enumerate(names):
        for other in names[k + 1 :]:
            both = pd.DataFrame({"one": told[one], "other": told[other]}).dropna()
            if len(both) < _FEWEST_ARMS or both.nunique().min() < 3:
                continue
            rho = float(np.corrcoef(rankdata(both["one"]), rankdata(both["other"]))[0, 1])
            if rho > _AT_ODDS:
                continue
            what = "arms" if audited.arms is not None else "configurations"
            text = (
                f"{one} and {other} order {len(both)} {what} the opposite way (rank correlation "
                f"{format_number(rho, 2)}, each turned so that more is better): one of them is "
                "read upside down, or they cannot both be reasons for one choice."
            )
            remedy = "Say which way each is better, and which of them decides."
            yield Finding("D24", "warning", text, f"{one}, {other}", "", remedy)


def _written_to(values: Array) -> float:
    """The last digit that finite values were written to; 0 where they have more than six decimals.

    >>> _written_to(np.array([0.5, 0.25])), _written_to(np.array([1 / 3, 0.5]))
    (0.01, 0.0)
    """
    for decimals in range(7):
        rounded = np.round(values, decimals)
        if np.all(np.abs(values - rounded) <= 1e-12 * np.maximum(1, np.abs(values))):
            return float(10.0**-decimals)
    return 0.0
