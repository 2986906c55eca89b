"""The rule about what is not in the configuration and yet decides: notes, and two clusters."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import format_number, plural
from latentlab.runs.audit.audited import Audited
from latentlab.runs.audit.findings import Finding
from latentlab.runs.audit.near_replicates import step_of
from latentlab.runs.metric_names import words_of

_LEVEL = 0.01
"""Of the test that outcomes of one configuration fall into two clusters, over all tests."""
_FEWEST_CLUSTERED, _FEWEST_ASIDE = 6, 3
_DRAWS, _MOST_DRAWN = 9_999, 100
_STEPS = 6
"""A gap of fewer steps between possible values is none."""
_NOTES = {"note", "notes", "comment", "comments", "description", "remark", "remarks"}


def hidden_factor_findings(audited: Audited) -> Iterator[Finding]:
    """D08: notes that tell equal configurations apart, and outcomes in two clusters."""
    yield from _contradicting_notes(audited)
    group = audited.configurations
    counts = np.bincount(group)
    large = np.flatnonzero(counts >= _FEWEST_CLUSTERED)
    tests = max(len(large) * audited.scores.shape[1], 1)
    for column in audited.columns:
        values = audited.score(column)
        step = step_of(values)
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
    if audited.seeds is not None:
        # A note of its own seed says nothing of the configuration.
        return
    for name in audited.recorded:
        if not _NOTES & set(words_of(str(name))):
            continue
        notes = audited.recorded[name].astype(object).where(audited.recorded[name].notna(), "")
        table = pd.DataFrame(
            {"group": audited.configurations, "note": notes.astype(str).to_numpy()}
        )
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
