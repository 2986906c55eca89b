"""Rules about what seeds alone give: single runs, noise, and the best of many."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from latentlab.reporting.formatting import format_number, plural
from latentlab.runs.audit.audited import Audited
from latentlab.runs.audit.findings import Finding, Severity
from latentlab.statistics.selection_bias import expected_highest_normal


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

    Where claims were judged, their verdicts say which arms are told apart. Else nobody has claimed
    the lead, so that it is a note: the best of most sound tables leads by less than the noise.
    """
    noise = {column: audited.noise(column) for column in audited.columns}
    known = {column: floor for column, floor in noise.items() if floor.freedom}
    if not known:
        return
    each = "; ".join(
        f"{column} {format_number(floor.sd)} on {plural(floor.freedom, 'degree')} of freedom, "
        f"two runs told apart from {format_number(floor.least_difference())} on"
        for column, floor in known.items()
    )
    text = f"Runs of equal configuration differ by a standard deviation of: {each}."
    yield Finding("D04", "note", text)
    for column, floor in known.items() if audited.verdicts is None else ():
        better = audited.metrics[column].better
        means = pd.Series(audited.score(column)).groupby(audited.configurations)
        table = means.agg(["mean", "count"]).dropna()
        if better == "none" or len(table) < 2 or floor.sd == 0:
            continue
        ranked = table.sort_values("mean", ascending=better == "lower", kind="stable")
        first, second = ranked.iloc[0], ranked.iloc[1]
        lead = abs(float(first["mean"] - second["mean"]))
        least = floor.least_difference(first["count"], second["count"])
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
        yield Finding("D04", "note", text, column, audited.named(best), remedy)


def best_findings(audited: Audited) -> Iterator[Finding]:
    """D05: how much too good the best of so many configurations looks.

    The mean of a configuration is its true value plus noise. With both normal, the best of k means
    overstates its own true value by E[max of k] times the share of noise in the variance of means
    times their standard deviation. It is a warning where that is at least half of what the best is
    ahead of the mean.
    """
    for column in audited.columns:
        better = audited.metrics[column].better
        sd, freedom = audited.noise(column)
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
        severity: Severity = "warning" if bias >= ahead / 2 else "note"
        yield Finding("D05", severity, text, column, audited.named(best), remedy)
