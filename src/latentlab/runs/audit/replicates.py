"""Rules about runs of equal configuration: what seeds alone give, hidden factors, copies."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import format_number, plural
from latentlab.runs.audit.audited import Audited, resolution
from latentlab.runs.audit.findings import Finding, Severity
from latentlab.runs.metric_names import words_of
from latentlab.statistics.intervals import t_quantile
from latentlab.statistics.selection_bias import expected_highest_normal

_LEVEL = 0.01
"""Of the test that outcomes of one configuration fall into two clusters, over all tests."""
_FEWEST_CLUSTERED, _FEWEST_ASIDE = 6, 3
_DRAWS, _MOST_DRAWN = 9_999, 100
_STEPS = 3
"""A gap of fewer steps between possible values is none."""
_CHANCE = 0.001
"""Expected number of pairs that rounding makes equal, up to which equal values are copies."""
_ALIKE = 0.8
"""Metrics that are correlated more say once what both say."""
_NOTES = {"note", "notes", "comment", "comments", "description", "remark", "remarks"}


def replicate_sd(audited: Audited, column: str) -> tuple[float, int]:
    """Standard deviation of a metric among runs of equal configuration, and degrees of freedom.

    It is pooled over configurations: the root of the summed squares around each one's mean over
    the summed numbers of runs less one. Runs whose configuration is equal as far as it is recorded
    count, whether their seeds differ or nothing is known of seeds.
    """
    values = audited.score(column)
    here = np.isfinite(values)
    table = pd.Series(values[here]).groupby(audited.configurations[here])
    freedom = int((table.count() - 1).sum())
    if freedom < 1:
        return math.nan, 0
    squares = float(((pd.Series(values[here]) - table.transform("mean")) ** 2).sum())
    return math.sqrt(squares / freedom), freedom


def single_seed_findings(audited: Audited) -> Iterator[Finding]:
    """D01: arms with a score from one run only."""
    assert audited.arms is not None
    for column in audited.columns:
        counts = pd.Series(audited.score(column)).groupby(audited.arms).count()
        single = [name for name in audited.arm_names if counts[name] == 1]
        if not single:
            continue
        text = (
            f"{column}: {', '.join(single)} {'is' if len(single) == 1 else 'are'} known from one "
            "run. How much another seed changes is unknown, so no difference from it is evidence."
        )
        where = np.isin(audited.arms, single) & np.isfinite(audited.score(column))
        remedy = "Run each arm on at least 5 seeds, the same for all, and judge those."
        # Without a control nobody has said that these are compared.
        severity: Severity = "error" if audited.control else "warning"
        yield Finding("D01", severity, text, column, audited.named(where), remedy)
        return


def noise_findings(audited: Audited) -> Iterator[Finding]:
    """D04: what equal configurations differ by, and whether the best leads by more.

    Where claims were judged, their verdicts say which arms are told apart.
    """
    noise = {column: replicate_sd(audited, column) for column in audited.columns}
    known = {column: (sd, freedom) for column, (sd, freedom) in noise.items() if freedom}
    if not known:
        return
    each = "; ".join(
        f"{column} {format_number(sd)} on {plural(freedom, 'degree')} of freedom"
        for column, (sd, freedom) in known.items()
    )
    text = f"Runs of equal configuration differ by a standard deviation of: {each}."
    yield Finding("D04", "note", text)
    for column, (sd, freedom) in known.items() if audited.verdicts is None else ():
        better = audited.metrics[column].better
        means = pd.Series(audited.score(column)).groupby(audited.configurations)
        table = means.agg(["mean", "count"]).dropna()
        if better == "none" or len(table) < 2 or sd == 0:
            continue
        ranked = table.sort_values("mean", ascending=better == "lower", kind="stable")
        first, second = ranked.iloc[0], ranked.iloc[1]
        lead = abs(float(first["mean"] - second["mean"]))
        error = sd * math.sqrt(1 / first["count"] + 1 / second["count"])
        least = t_quantile(0.95, freedom) * error
        if lead >= least:
            continue
        best = audited.configurations == ranked.index[0]
        text = (
            f"{column}: the best configuration leads the next by {format_number(lead)}, inside the "
            f"noise of seeds: two configurations with so many runs are told apart from "
            f"{format_number(least)} on."
        )
        remedy = (
            "Run the best few configurations on fresh seeds, the same for all, and judge those."
        )
        yield Finding("D04", "warning", text, column, audited.named(best), remedy)


def best_findings(audited: Audited) -> Iterator[Finding]:
    """D05: how much too good the best of so many configurations looks.

    The mean of a configuration is its true value plus noise. With both normal, the best of k means
    overstates its own true value by E[max of k] times the share of noise in the variance of means
    times their standard deviation.
    """
    for column in audited.columns:
        better = audited.metrics[column].better
        sd, freedom = replicate_sd(audited, column)
        table = pd.Series(audited.score(column)).groupby(audited.configurations)
        means, counts = table.mean().dropna(), table.count()
        if better == "none" or not freedom or len(means) < 3 or not means.std() > 0:
            continue
        spread = float(means.std())
        noise = sd**2 * float((1 / counts[means.index]).mean())
        bias = expected_highest_normal(len(means)) * min(noise / spread**2, 1) * spread
        ends = means.sort_values(ascending=better == "lower", kind="stable")
        lead, ahead = (
            abs(float(ends.iloc[0] - ends.iloc[1])),
            abs(float(ends.iloc[0] - means.mean())),
        )
        if bias <= lead:
            continue
        best = audited.configurations == ends.index[0]
        text = (
            f"{column}: the best of {len(means)} configurations is {format_number(ahead)} better "
            f"than their mean. By having been chosen it looks some {format_number(bias)} too good, "
            f"which is more than its lead of {format_number(lead)}."
        )
        remedy = "Run the best few configurations on seeds that chose none of them; report those."
        yield Finding("D05", "warning", text, column, audited.named(best), remedy)


def hidden_factor_findings(audited: Audited) -> Iterator[Finding]:
    """D08: notes that tell equal configurations apart, and outcomes in two clusters."""
    yield from _contradicting_notes(audited)
    group = audited.configurations
    counts = np.bincount(group)
    large = np.flatnonzero(counts >= _FEWEST_CLUSTERED)
    tests = max(len(large) * audited.scores.shape[1], 1)
    for column in audited.columns:
        values = audited.score(column)
        step = resolution(values[np.isfinite(values)])
        for g in large:
            rows = np.flatnonzero((group == g) & np.isfinite(values))
            if len(rows) < _FEWEST_CLUSTERED:
                continue
            rows = rows[np.argsort(values[rows], kind="stable")]
            split, ratio = _widest_gap(values[rows][None])
            low, high = rows[: split[0]], rows[split[0] :]
            if values[high[0]] - values[low[-1]] <= _STEPS * step:
                continue
            if not ratio[0] > _gap_limit(len(rows), _LEVEL / tests):
                continue
            text = (
                f"{column}: {len(rows)} runs of equal configuration fall into two clusters, "
                f"{len(low)} around {format_number(float(values[low].mean()))} and {len(high)} "
                f"around {format_number(float(values[high].mean()))}. Something that is not in the "
                "configuration decided which."
            )
            remedy = "Find what else differed between them, record it as a setting, and run both."
            aside = np.sort(min(low, high, key=len))
            yield Finding("D08", "error", text, column, audited.named(aside), remedy)


def _contradicting_notes(audited: Audited) -> Iterator[Finding]:
    for name in audited.recorded:
        if not _NOTES & set(words_of(str(name))):
            continue
        notes = audited.recorded[name].astype(object).where(audited.recorded[name].notna(), "")
        table = pd.DataFrame(
            {"group": audited.configurations, "note": notes.astype(str).to_numpy()}
        )
        if audited.seeds is not None:
            # A note of its own seed says nothing of the configuration.
            continue
        differing = table.groupby("group")["note"].nunique()
        told = table["group"].isin(differing.index[differing > 1]).to_numpy()
        if not told.any():
            continue
        texts = "; ".join(f"'{one}'" for one in table.loc[told, "note"].unique()[:4])
        text = (
            f"{int(told.sum())} runs in {plural(int((differing > 1).sum()), 'group')} of equal "
            f"configuration are told apart by {name} alone ({texts}): what differed is not "
            "recorded, or the note is wrong."
        )
        remedy = "Record what the notes speak of as settings."
        yield Finding("D08", "error", text, str(name), audited.named(told), remedy)


def _widest_gap(ascending: Array) -> tuple[Array, Array]:
    """Where sorted values have their widest gap, and its width over the spread inside both parts.

    Args:
        ascending: shape [samples, n]; at least three values stay on either side.

    Returns:
        Number of values below the gap and ratio, [samples]; the ratio is 0 where nothing varies.
    """
    n = ascending.shape[1]
    cuts = np.arange(_FEWEST_ASIDE, n - _FEWEST_ASIDE + 1)
    sums, squares = np.cumsum(ascending, axis=1), np.cumsum(ascending**2, axis=1)
    gaps = ascending[:, cuts] - ascending[:, cuts - 1]
    best = gaps.argmax(axis=1)
    cut, row = cuts[best], np.arange(len(ascending))
    below = squares[row, cut - 1] - sums[row, cut - 1] ** 2 / cut
    above = (squares[:, -1] - squares[row, cut - 1]) - (sums[:, -1] - sums[row, cut - 1]) ** 2 / (
        n - cut
    )
    inside = np.sqrt(np.maximum(below + above, 0) / (n - 2))
    floor = 1e-9 * np.maximum(np.abs(ascending).max(axis=1), 1e-300)
    width = gaps[row, best]
    return cut, np.where(width > floor, width / np.maximum(inside, floor), 0.0)


@functools.cache
def _gap_limit(n: int, level: float) -> float:
    """The ratio of `_widest_gap` that noise exceeds at a level at most, by simulation.

    The highest of four kinds of noise: short and long tails, on one side or on both.
    """
    rng, shape = np.random.default_rng(n), (_DRAWS, min(n, _MOST_DRAWN))
    noises = (
        rng.normal(size=shape),
        rng.uniform(size=shape),
        rng.exponential(size=shape),
        rng.standard_t(3, size=shape),
    )
    ratios = [_widest_gap(np.sort(noise, axis=1))[1] for noise in noises]
    return max(float(np.quantile(ratio, 1 - level, method="higher")) for ratio in ratios)


def twice_findings(audited: Audited) -> Iterator[Finding]:
    """D18: a configuration and seed more than once, and outcomes that are copies."""
    twice = np.zeros(len(audited.rows), dtype=bool)
    if audited.seeds is not None:
        keys = pd.DataFrame({"group": audited.configurations, "seed": audited.seeds})
        ended = np.isin(audited.states, ["complete", "pruned"])
        twice[ended] = keys[ended].duplicated(keep=False).to_numpy()
        if twice.any():
            text = (
                f"{int(twice.sum())} runs share configuration and seed with another one: they are "
                "one observation, and counting each makes every interval too narrow."
            )
            remedy = "Keep one run of each configuration and seed, chosen before its score is seen."
            yield Finding("D18", "error", text, "", audited.named(twice), remedy)
    yield from _copy_findings(audited, twice)


def _copy_findings(audited: Audited, known: np.ndarray) -> Iterator[Finding]:
    columns = [c for c in audited.columns if np.isfinite(audited.score(c)).any()]
    told = [audited.score(column) for column in columns]
    if not told:
        return
    complete = np.all(np.isfinite(told), axis=0) & ~known
    table = pd.DataFrame(dict(enumerate(told)))[complete]
    table.insert(0, "configuration", audited.configurations[complete])
    constant = table.groupby("configuration")[list(range(len(told)))].nunique().max(axis=1) == 1
    sizes = table.groupby("configuration").size()
    steady = constant.index[constant & (sizes > 2)]
    rows = np.flatnonzero(complete)
    if len(steady) and (sizes > 1).sum() > len(steady):
        where = rows[table["configuration"].isin(steady).to_numpy()]
        text = (
            f"{len(where)} runs of {plural(len(steady), 'configuration')} have one outcome: no "
            "seed enters there. Each is one observation, however often it was run."
        )
        yield Finding("D18", "note", text, "", audited.named(where))
    if len(steady) < (sizes > 1).sum():
        table = table[~table["configuration"].isin(steady)]
    rows = np.flatnonzero(complete)[np.isin(np.flatnonzero(complete), table.index)]
    again = table.duplicated(keep=False).to_numpy()
    if not again.any():
        return
    pairs = table.groupby("configuration").size()
    expected = float((pairs * (pairs - 1) / 2).sum()) * _tie_chance(audited, columns)
    where = rows[again]
    equal = f"{len(where)} runs have every score in common with another of their configuration"
    if expected > _CHANCE:
        text = (
            f"{equal}. At the digits that are kept, some {format_number(max(expected, 0.01), 2)} "
            "such pairs come about by chance: whether these are copies cannot be told, and none "
            "is dropped."
        )
        remedy = "Keep more digits of the scores."
        yield Finding("D18", "note", text, "", audited.named(where), remedy)
        return
    text = (
        f"{equal} to the last digit, which chance does not give: a copy is no observation, and "
        "counting it makes every interval too narrow."
    )
    remedy = "Find out whether these seeds were trained, run them anew, or keep one of each."
    yield Finding("D18", "error", text, "", audited.named(where), remedy)


def _tie_chance(audited: Audited, columns: list[str]) -> float:
    """Chance that two runs of a configuration agree in all scores, by rounding alone.

    Two normal values are equal after rounding to a step with chance step / (2 sqrt(pi) sd).
    Of metrics that move together one counts.
    """
    chance = 1.0
    taken: list[Array] = []
    for column in columns:
        values = audited.score(column)
        sd = replicate_sd(audited, column)[0] or float(np.nanstd(values))
        if not sd > 0 or any(_correlation(values, other) > _ALIKE for other in taken):
            continue
        step = resolution(values[np.isfinite(values)])
        chance *= min(1.0, step / (2 * math.sqrt(math.pi) * sd))
        taken.append(values)
    return chance


def _correlation(one: Array, other: Array) -> float:
    here = np.isfinite(one) & np.isfinite(other)
    if here.sum() < 3 or np.ptp(one[here]) == 0 or np.ptp(other[here]) == 0:
        return 1.0
    return abs(float(spearmanr(one[here], other[here]).statistic))
