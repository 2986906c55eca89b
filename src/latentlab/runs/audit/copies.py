"""The rule about runs that are counted twice: seeds that repeat, and outcomes that are copies."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from latentlab.core.arrays import Array, Mask
from latentlab.reporting.formatting import format_number, plural
from latentlab.runs.audit.audited import Audited, resolution
from latentlab.runs.audit.findings import Finding
from latentlab.runs.audit.replicates import replicate_sd

_CHANCE = 0.001
"""Expected number of pairs that rounding makes equal, up to which equal values are copies."""
_ALIKE = 0.8
"""Metrics that are correlated more say once what both say."""


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


def _copy_findings(audited: Audited, known: Mask) -> Iterator[Finding]:
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
