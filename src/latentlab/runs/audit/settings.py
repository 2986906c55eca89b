"""Rules about what runs were configured with: budgets, confounded and collinear settings, seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import chi2, chi2_contingency, fisher_exact, mannwhitneyu, rankdata, t
from scipy.stats.contingency import association, crosstab

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import format_number, plural
from latentlab.runs.audit.audited import Audited
from latentlab.runs.audit.findings import Finding
from latentlab.runs.audit.near_replicates import equal_settings
from latentlab.runs.seed_names import is_seed
from latentlab.runs.setting_names import setting

_UNEQUAL = 2
"""A side with so many times the configurations of another had another budget."""
_LEVEL = 0.001
"""Of tests that a setting differs between arms or goes with another, over all tests of a table."""
_COLLINEAR, _INFLATED = 0.7, 10.0
"""Correlation of two settings, and variance inflation of one by all others, that are called so."""
_FEWEST = 8
"""Configurations from which on a correlation of settings is looked at."""
_CHOICES = 10


def budget_findings(audited: Audited) -> Iterator[Finding]:
    """D06: arms behind which different numbers of configurations stand."""
    assert audited.arms is not None
    others = audited.codes.drop(columns=[c for c in audited.arm_columns if c in audited.codes])
    each_run = pd.Series(equal_settings(others))
    tried = {name: each_run[audited.arms == name].nunique() for name in audited.arm_names}
    most, fewest = (choose(tried, key=tried.__getitem__) for choose in (max, min))
    if tried[most] < _UNEQUAL * tried[fewest]:
        return
    each = ", ".join(f"{name} {tried[name]}" for name in audited.arm_names[:10])
    text = (
        f"The arms were tried with different numbers of configurations ({each}). The best of "
        f"{tried[most]} is higher by chance than the best of {tried[fewest]}."
    )
    remedy = f"Try {fewest} as often, or compare one configuration of each, chosen beforehand."
    yield Finding("D06", "warning", text, fewest, "", remedy)


def clean_pairs(audited: Audited) -> tuple[int, int]:
    """Pairs of runs that differ in exactly one setting, and all pairs.

    Pairs that agree in all settings but perhaps one are counted by grouping; from these go the
    pairs that agree in that one too. No pair is visited.
    """
    codes = audited.codes
    equal = _pairs(equal_settings(codes))
    one = sum(_pairs(equal_settings(codes.drop(columns=name))) - equal for name in codes)
    return int(one), math.comb(len(codes), 2)


def _pairs(group: np.ndarray) -> int:
    sizes = np.bincount(group)
    return int((sizes * (sizes - 1) // 2).sum())


def confounded_findings(audited: Audited) -> Iterator[Finding]:
    """D07: how many pairs of runs differ in one setting, and arms that differ in others too."""
    if audited.codes.shape[1] > 1:
        one, pairs = clean_pairs(audited)
        text = (
            f"{one:,} of {pairs:,} pairs of runs differ in one setting only; in every other pair "
            "the outcome has several possible causes or none."
        )
        yield Finding("D07", "note", text)
    if audited.arms is None:
        return
    others = [str(name) for name in audited.codes if name not in audited.arm_columns]
    reference = audited.control or audited.arm_names[0]
    compared = [name for name in audited.arm_names if name != reference]
    for arm in compared:
        here, there = audited.arms == arm, audited.arms == reference
        apart, uneven = [], []
        for name in others:
            own, control = audited.codes.loc[here, name], audited.codes.loc[there, name]
            if own.nunique() == 1 and control.nunique() == 1:
                if own.iloc[0] != control.iloc[0]:
                    apart.append(name)
            elif _differs(audited, name, here, there) < _LEVEL / len(others) / len(compared):
                uneven.append(name)
        if not apart and not uneven:
            continue
        rest = equal_settings(audited.codes[others])
        clean = np.isin(rest, np.intersect1d(rest[here], rest[there])) & (here | there)
        text = (
            f"{arm} and {reference} differ in {', '.join([*apart, *uneven])} too, beside "
            f"{' and '.join(audited.arm_columns)}: which of them made a difference cannot be told."
        )
        remedy = f"Run {arm} with the settings of {reference} and nothing else changed."
        if clean.any():
            text += f" {plural(int(clean.sum()), 'run')} of the two agree in all else."
            remedy = f"Compare these runs of {arm} and {reference} alone."
        named = audited.named(clean if clean.any() else here)
        yield Finding("D07", "error" if apart else "warning", text, arm, named, remedy)


def _differs(audited: Audited, name: str, here: np.ndarray, there: np.ndarray) -> float:
    """P-value that a setting has one distribution in two arms."""
    numbers = audited.numbers(name)
    if numbers is not None and np.isfinite(numbers[here | there]).all():
        return float(mannwhitneyu(numbers[here], numbers[there]).pvalue)
    both = here | there
    counts = crosstab(audited.codes.loc[both, name].to_numpy(), here[both]).count
    if min(counts.shape) < 2 or counts.shape[0] > _CHOICES:
        return 1.0
    test = fisher_exact if counts.shape[0] == 2 else chi2_contingency
    return float(test(counts).pvalue)


def collinear_findings(audited: Audited) -> Iterator[Finding]:
    """D09: settings that go together over the configurations.

    Numbers by Spearman's rank correlation, words by Cramer's V, a number with words by the share of
    the variance of its ranks that they explain. A setting that exists only under one choice of
    another goes with it by its meaning, and is passed over.
    """
    _, first = np.unique(audited.configurations, return_index=True)
    names = [str(name) for name in audited.codes]
    if len(first) < _FEWEST or len(names) < 2:
        return
    numbers = {name: audited.numbers(name) for name in names}
    ranks: dict[str, Array] = {
        name: rankdata(values[first])
        for name, values in numbers.items()
        if values is not None and np.isfinite(values[first]).all()
    }
    words = [
        name for name in names if name not in ranks and audited.codes[name].nunique() <= _CHOICES
    ]
    known = [*ranks, *words]
    limit = _LEVEL / max(math.comb(len(known), 2), 1)
    found = False
    for k, one in enumerate(known):
        for other in known[k + 1 :]:
            strength, p, called = _association(audited, first, ranks, one, other)
            if abs(strength) < _COLLINEAR or p > limit:
                continue
            if _conditional(audited.settings.iloc[first], one, other):
                continue
            found = True
            text = (
                f"{one} and {other} vary together over {len(first)} configurations ({called} "
                f"{format_number(strength, 2)}): what one does cannot be told from what the other "
                "does."
            )
            remedy = f"Run configurations in which {one} varies while {other} stays, and reversed."
            yield Finding("D09", "warning", text, f"{one}, {other}", "", remedy)
    if found or len(ranks) < 3 or len(first) < 3 * len(ranks):
        return
    matrix = np.corrcoef(np.stack(list(ranks.values())))
    inflation = np.diag(np.linalg.pinv(matrix, hermitian=True))
    for name, factor in zip(ranks, inflation, strict=True):
        if factor > _INFLATED:
            text = (
                f"{name} follows from the other settings over {len(first)} configurations "
                f"(variance inflation {format_number(float(factor), 0)}): it has no share of "
                "its own."
            )
            remedy = f"Vary {name} alone."
            yield Finding("D09", "warning", text, name, "", remedy)
            return


def _conditional(settings: pd.DataFrame, one: str, other: str) -> bool:
    """Whether one of two settings exists only under one value of the other."""
    for inner, outer in ((one, other), (other, one)):
        exists = settings[inner].notna()
        if exists.any() and not exists.all() and settings.loc[exists, outer].nunique() == 1:
            return True
    return False


def _association(
    audited: Audited, first: np.ndarray, ranks: dict[str, Array], one: str, other: str
) -> tuple[float, float, str]:
    """Strength, p-value and name of the association of two settings over configurations."""
    n = len(first)
    if one in ranks and other in ranks:
        rho = float(np.corrcoef(ranks[one], ranks[other])[0, 1])
        statistic = abs(rho) * math.sqrt((n - 2) / max(1 - rho**2, 1e-15))
        return rho, float(2 * t.sf(statistic, n - 2)), "rank correlation"
    if one in ranks:
        codes = pd.factorize(audited.codes.loc[first, other])[0]
        values = pd.Series(ranks[one])
        within = values - values.groupby(codes).transform("mean")
        total = float(((values - values.mean()) ** 2).sum())
        explained = 1 - float((within**2).sum()) / total
        choices = codes.max() + 1
        p = float(chi2.sf((n - 1) * explained, choices - 1)) if choices < n / 2 else 1.0
        return math.sqrt(max(explained, 0)), p, "correlation ratio of ranks"
    counts = crosstab(
        audited.codes.loc[first, one].to_numpy(), audited.codes.loc[first, other].to_numpy()
    ).count
    strength = float(association(counts, method="cramer"))
    p = float(
        chi2.sf(strength**2 * n * (min(counts.shape) - 1), math.prod(np.subtract(counts.shape, 1)))
    )
    return strength, p, "Cramer's V"


def adaptive_findings(audited: Audited) -> Iterator[Finding]:
    """D16: runs that were asked for because of earlier values."""
    assert audited.adaptive is not None
    count = int(audited.adaptive.sum())
    if not count:
        return
    text = (
        f"{count} of {len(audited.rows)} runs were asked for because of earlier values: they crowd "
        "where the first scores were good, so that p-values and intervals over them hold only "
        "nearly."
    )
    remedy = "kedro run --pipelines sweep_analysis compares with the same sampler on noise."
    yield Finding("D16", "warning", text, "", audited.named(audited.adaptive), remedy)


def seed_findings(audited: Audited) -> Iterator[Finding]:
    """D19: a seed that was searched, or that tells arms apart; a second seed that varies freely."""
    columns = pd.concat([audited.settings, audited.recorded], axis=1)
    for name in (str(column) for column in columns):
        if not is_seed(name) or columns[name].nunique() < 2:
            continue
        if audited.searched or name in audited.arm_columns:
            text = f"{name} is a seed: a blocking factor, not a setting that may be chosen."
            remedy = f"Give every configuration the same values of {name}, and take it as the seed."
            yield Finding("D19", "error", text, name, "", remedy)
    for name in (str(column) for column in audited.recorded):
        if audited.seeds is None or audited.searched or not is_seed(name):
            continue
        code = pd.factorize(audited.recorded[name])[0]
        pairs = len(set(zip(code.tolist(), audited.seeds.tolist(), strict=True)))
        if code.max(initial=0) == 0 or pairs == len(np.unique(audited.seeds)):
            continue
        text = (
            f"{name} is a seed too and varies where the seed stays: runs that are paired by the "
            "seed do not share it."
        )
        remedy = f"Say {setting('seed', name)}, or derive it from the seed."
        yield Finding("D19", "warning", text, name, "", remedy)
