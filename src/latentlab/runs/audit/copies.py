"""The rule about runs that are counted twice: seeds that repeat, and outcomes that are copies."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from latentlab.core.arrays import Mask
from latentlab.reporting.formatting import format_number, plural
from latentlab.runs.audit.audited import Audited
from latentlab.runs.audit.findings import Finding
from latentlab.runs.audit.near_replicates import agreement


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
    scores = np.array([audited.score(column) for column in audited.columns]).T
    scores = scores[:, np.isfinite(scores).any(axis=0)]
    if not scores.size:
        return
    rows = np.flatnonzero(np.isfinite(scores).all(axis=1) & ~known)
    table = pd.DataFrame(scores[rows]).assign(configuration=audited.configurations[rows])
    outcomes = table.drop_duplicates().groupby("configuration").size()
    sizes = table.groupby("configuration").size()
    steady = sizes.index[(outcomes == 1) & (sizes > 2)]
    # Where every repeated configuration has one outcome, nothing tells a constant from copies.
    if len(steady) < (sizes > 1).sum():
        constant = table["configuration"].isin(steady).to_numpy()
        if constant.any():
            text = (
                f"{int(constant.sum())} runs of {plural(len(steady), 'configuration')} have one "
                "outcome: no seed enters there. Each is one observation, however often it was run."
            )
            yield Finding("D18", "note", text, "", audited.named(rows[constant]))
        rows, table = rows[~constant], table[~constant]
    found = agreement(scores[rows], audited.configurations[rows])
    if not found.equal.any():
        return
    both = rows[table.duplicated(keep=False)]
    equal = f"{len(both)} runs have every score in common with another of their configuration"
    named = audited.named(both)
    if found.copies.any():
        text = (
            f"{equal} to the last digit, which chance does not give: a copy is no observation, and "
            "counting it makes every interval too narrow."
        )
        remedy = "Find out whether these seeds were trained, run them anew, or keep one of each."
        yield Finding("D18", "error", text, "", named, remedy)
        return
    text = (
        f"{equal}. At the digits that are kept, some {format_number(max(found.expected, 0.01), 2)} "
        f"of {plural(found.pairs, 'pair')} agree by chance: whether these are copies cannot be "
        "told, and none is dropped."
    )
    yield Finding("D18", "note", text, "", named, "Keep more digits of the scores.")
