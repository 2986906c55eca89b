"""Warnings about how a sweep was made: adaptive asking, unequal budgets, losses, copies, seeds."""

from __future__ import annotations

import pandas as pd

from latentlab.core.arrays import Mask
from latentlab.reporting.formatting import format_p, plural
from latentlab.runs.audit.findings import Finding, records
from latentlab.runs.audit.near_replicates import agreement
from latentlab.runs.seed_names import is_seed
from latentlab.search.columns import recorded_outside
from latentlab.search.formatting import format_list
from latentlab.search.matrix import SweepMatrix
from latentlab.search.table import SweepTable

_FALSE_ALARMS = 0.01
"""Level of the test that losses fall on some choices."""
_UNEQUAL = 2
"""A choice with so many times the rows of another had another budget."""


def adaptive_findings(matrix: SweepMatrix) -> list[Finding]:
    """D16: rows that were asked for because of earlier values are not exchangeable."""
    adaptive, n = int(matrix.adaptive.sum()), len(matrix)
    if adaptive:
        text = (
            f"{adaptive} of {n} rows were asked for because of earlier values (sampler "
            f"{matrix.sampler}): they crowd where the first scores were good. The screening "
            "compares with this sampler on noise; intervals and base shares of elites hold only "
            f"nearly. The other {n - adaptive} rows alone are shown beside."
        )
        return [Finding("D16", "note", text)]
    if matrix.sampler == "unknown":
        text = (
            "The sampler is unknown, and rows are taken for exchangeable. If it adapted, p-values "
            "are too small, and intervals and base shares of elites hold only nearly."
        )
        return [Finding("D16", "warning", text)]
    return []


def budget_findings(detail: pd.DataFrame) -> list[Finding]:
    """D06: choices of a categorical that were tried unequally often.

    Args:
        detail: as `categorical_detail` gives it.
    """
    found = []
    for name, choices in detail[detail["kind"].isin(["boolean", "categorical"])].groupby(
        "parameter", sort=False
    ):
        untried = choices[choices["n"] == 0]
        tried = choices[choices["n"] > 0].sort_values("n", ascending=False, kind="stable")
        if tried.empty or (untried.empty and tried["n"].iloc[0] < _UNEQUAL * tried["n"].iloc[-1]):
            continue
        each = ", ".join(f"{row.choice} {row.n}" for row in records(choices))
        equal = ", ".join(f"{row.choice} {row.best_of_equal_budget:.4g}" for row in records(tried))
        text = (
            f"{name}: unequal budgets ({each} rows). Bests cannot be compared; the expected "
            f"best of {tried['equal_budget'].iloc[0]} rows each is {equal}."
        )
        found.append(Finding("D06", "warning", text, str(name)))
    return found


def loss_findings(counts: pd.DataFrame, tests: pd.DataFrame, table: SweepTable) -> list[Finding]:
    """D27: configurations, and single seeds, without a value.

    Args:
        counts: as `failures` gives them.
        tests: as `failure_tests` gives them.
        table: the sweep.
    """
    total = counts.iloc[0]
    found = []
    if total["failed"] + total["diverged"]:
        text = (
            f"{total['failed']} configurations failed and {total['diverged']} diverged, of "
            f"{total['configurations']}. No test sees them; their numbers by choice are listed."
        )
        found.append(Finding("D27", "warning", text))
    for row in records(tests[tests["holm"] < _FALSE_ALARMS]):
        shares = counts[counts["parameter"] == row.parameter]
        each = ", ".join(
            f"{one.choice} {one.failed + one.diverged} of {one.configurations}"
            for one in records(shares)
        )
        text = (
            f"{row.parameter}: losses fall on some choices ({each}; {row.method} p "
            f"{format_p(row.p)}, Holm {format_p(row.holm)}). What is left of them is a selection."
        )
        found.append(Finding("D27", "error", text, str(row.parameter)))
    if total["pruned"]:
        text = (
            f"{total['pruned']} of {total['configurations']} configurations were stopped early for "
            f"their low scores. Tests are over the {total['complete']} that were left, among which "
            "associations are weaker than among all."
        )
        found.append(Finding("D27", "warning", text))
    return found + _seed_losses(table)


def _seed_losses(table: SweepTable) -> list[Finding]:
    if not len(table.replicates):
        return []
    whole = table.replicates["configuration"].isin(table.outcomes.index[table.complete])
    lost = whole & table.replicates["state"].isin(["failed", "diverged"])
    if not lost.any():
        return []
    text = (
        f"{int(lost.sum())} of {int(whole.sum())} runs of complete configurations failed or "
        "diverged: those means are over the other seeds, which flatters them."
    )
    return [Finding("D27", "warning", text)]


def copy_findings(table: SweepTable, matrix: SweepMatrix) -> list[Finding]:
    """D18: what is counted more than once."""
    found = []
    copies = matrix.copies & matrix.complete
    if copies.any():
        text = (
            f"{int(copies.sum())} complete rows repeat a configuration and its value: a copy is no "
            f"observation. They are left out; {len(matrix.finished)} rows are tested."
        )
        found.append(Finding("D18", "error", text, rows=_numbers(matrix, copies)))
    again = matrix.repeats & ~copies
    if again.any():
        text = (
            f"{int(again.sum())} complete rows repeat a configuration with another value"
            f"{_agreeing(matrix.take(matrix.complete & ~copies))}. They count as observations of "
            "their own, though they are replicates."
        )
        remedy = "Name the column of the seeds, so that a configuration counts once"
        found.append(Finding("D18", "warning", text, rows=_numbers(matrix, again), remedy=remedy))
    if len(table.replicates):
        twice = table.replicates.duplicated(["configuration", "seed"])
        if twice.any():
            text = f"{int(twice.sum())} runs repeat the seed of their configuration: they add no "
            numbers = table.replicates.loc[twice, "configuration"].astype(str)
            rows = f"configuration {format_list(list(numbers.unique()), 20)}"
            found.append(Finding("D18", "error", f"{text}evidence.", rows=rows))
    return found


def _agreeing(rows: SweepMatrix) -> str:
    """Say how many replicates have equal values, where that proves no copy."""
    found = agreement(rows.values[:, None], rows.groups)
    if not found.equal.any():
        return ""
    return (
        f", or with the same ({plural(int(found.equal.sum()), 'row')}): of so coarse values up to "
        f"{found.expected:.2g} of {plural(found.pairs, 'pair')} agree by chance, which shows no "
        "copy"
    )


def _numbers(matrix: SweepMatrix, rows: Mask) -> str:
    return f"configuration {format_list([str(number) for number in matrix.numbers[rows]], 20)}"


def seed_findings(table: SweepTable) -> list[Finding]:
    """D19: a seed among the parameters' values, whether it was searched or only recorded there."""
    return [
        Finding(
            "D19",
            "error",
            f"{name} is a seed: a blocking factor, not a parameter. It is not analysed. Give every "
            "configuration the same seeds and take the mean.",
            str(name),
        )
        for name in table.parameters.columns
        if is_seed(str(name))
    ]


def inactive_findings(table: SweepTable) -> list[Finding]:
    """D17: values recorded of parameters that do not exist in their row."""
    return [
        Finding(
            "D17",
            "error",
            f"{name}: {count} of {len(table.parameters)} rows record a value where the parameter "
            "does not exist. Nothing was made with it; those rows are left out for it.",
            name,
        )
        for name, count in recorded_outside(table).items()
    ]
