"""Warnings about a confirmation: what was lost on fresh seeds, and seeds that are not fresh."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import scipy.stats

from latentlab.reporting.formatting import format_p, plural
from latentlab.runs.audit.findings import Finding
from latentlab.search.formatting import format_list
from latentlab.search.table import SweepTable


def confirmation_findings(table: SweepTable, by_seed: pd.DataFrame) -> list[Finding]:
    """D27 and D20: of the winner and the default on fresh seeds.

    Args:
        table: the sweep that the winner was chosen in.
        by_seed: `seed`, `winner` and `default`, missing where a trial was lost.
    """
    return [*_losses(by_seed), *double_dip_findings(table, by_seed["seed"])]


def double_dip_findings(table: SweepTable, fresh: pd.Series) -> list[Finding]:
    """D20: seeds that chose the winner and confirm it too.

    Args:
        table: the sweep that the winner was chosen in.
        fresh: seeds of the confirmation.
    """
    if not len(table.replicates):
        return []
    again = sorted(set(fresh) & set(table.replicates["seed"]))
    if not again:
        return []
    text = (
        f"{plural(len(again), 'seed')} of the confirmation chose the winner too: its luck on them "
        "is counted as evidence."
    )
    remedy = "Confirm on seeds that no search saw: confirmation: {seeds: {first: .., count: ..}}"
    return [Finding("D20", "error", text, rows=f"seed {_listed(again)}", remedy=remedy)]


def _losses(by_seed: pd.DataFrame) -> list[Finding]:
    lost = by_seed[["winner", "default"]].isna()
    winner, default = (int(count) for count in lost.sum())
    if winner + default == 0:
        return []
    n = len(by_seed)
    counts = np.array([[winner, n - winner], [default, n - default]])
    p = float(scipy.stats.fisher_exact(counts).pvalue)
    worse = winner > default
    text = (
        f"On fresh seeds the winner was lost {winner} of {n} times (diverged, or without a score), "
        f"the default {default} times (Fisher's exact p {format_p(p)}). A mean over the seeds that "
        f"are left leaves the losses out{', which flatters the winner' if worse else ''}."
    )
    rows = f"seed {_listed(by_seed.loc[lost.any(axis=1), 'seed'])}"
    remedy = "Report how often each was lost; search anew with the losses counted as worst values"
    return [Finding("D27", "error" if worse else "warning", text, "winner", rows, remedy)]


def _listed(seeds: Iterable[object]) -> str:
    return format_list([str(seed) for seed in seeds], most=20)
