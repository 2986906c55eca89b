"""A printed table of rank correlations, held against its own figures."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.stats

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import format_p, trend
from latentlab.runs.audit.findings import Finding, records
from latentlab.runs.audit.printed.declared import PrintedCorrelations
from latentlab.statistics.corrections import adjust

COLUMNS = (
    "parameter",
    "rho",
    "p",
    "n",
    "p_from_n",
    "agrees",
    "n_low",
    "n_high",
    "p_used",
    "holm",
    "bh",
    "tier",
)
_MOST_ROWS = 10_000
_HOLM, _BENJAMINI_HOCHBERG = 0.05, 0.10


def textbook_p(rho: float, n: int) -> float:
    """Two-sided p of Spearman's rho by Student's t with n - 2 degrees of freedom.

    Args:
        rho: rank correlation.
        n: number of rows.

    Returns:
        NaN for fewer than three rows.
    """
    return float(_textbook_p(abs(rho), np.array([n]))[0]) if n >= 3 else math.nan


def consistent_n(rho: float, p: float, decimals: int) -> tuple[int, int] | None:
    """The numbers of rows at which a printed rho has a printed p, both to `decimals` places.

    Returns:
        The lowest and the highest; None where there is none up to 10,000 rows.
    """
    half = 0.5 * 10.0**-decimals
    rows = np.arange(3, _MOST_ROWS + 1)
    low = _textbook_p(min(1.0, abs(rho) + half), rows)
    high = _textbook_p(max(0.0, abs(rho) - half), rows)
    fitting = rows[(low <= p + half) & (high >= p - half)]
    return (int(fitting[0]), int(fitting[-1])) if len(fitting) else None


def _textbook_p(rho: float, n: npt.NDArray[np.int64]) -> Array:
    if rho >= 1:
        return np.zeros(len(n))
    t = rho * np.sqrt((n - 2) / (1 - rho**2))
    return np.asarray(2 * scipy.stats.t.sf(t, n - 2))


def check_correlations(
    name: str, printed: PrintedCorrelations
) -> tuple[pd.DataFrame, list[Finding]]:
    """Recompute the p-values of a printed table and correct them.

    Args:
        name: of the table.
        printed: as the file gives it.

    Returns:
        The table with `p_from_n`, whether it `agrees` with the printed p within rounding, the
        numbers of rows (`n_low` to `n_high`) that would, and Holm's and Benjamini and Hochberg's
        adjusted p-values over all rows: of `p_from_n`, which has more digits, where it agrees,
        else of the printed p (`p_used`). Findings D02 (n too small for any p), D10 (no
        correction), D11 (n does not fit, n that differ are ranked) and D12 (text against sign).
    """
    published = printed.frame
    table = published.assign(
        p_from_n=[textbook_p(r, int(n)) for r, n in published[["rho", "n"]].to_numpy()]
    )
    fits = [
        consistent_n(float(r), float(p), printed.decimals) if np.isfinite(p) else None
        for r, p in published[["rho", "p"]].to_numpy(dtype=np.float64)
    ]
    table["n_low"] = [fit[0] if fit else math.nan for fit in fits]
    table["n_high"] = [fit[1] if fit else math.nan for fit in fits]
    absent = table["p"].isna()
    table["agrees"] = (table["n_low"] <= table["n"]) & (table["n"] <= table["n_high"]) | absent
    table["p_used"] = table["p_from_n"].where(table["agrees"], table["p"])
    p = table["p_used"].to_numpy(dtype=np.float64)
    holm, bh = adjust(p, "holm"), adjust(p, "fdr_bh")
    tiers = np.select([holm < _HOLM, bh < _BENJAMINI_HOCHBERG], ["high", "moderate"], "open")
    table = table.assign(holm=holm, bh=bh, tier=tiers)
    findings = [
        *(() if printed.corrected else _family_finding(name, table)),
        *_n_findings(table),
        *(_ranking_finding(name, table) if printed.ranked else ()),
        *_unattainable(table),
        *_claim_findings(published),
    ]
    return table[list(COLUMNS)], findings


def _family_finding(name: str, table: pd.DataFrame) -> list[Finding]:
    called = table[table["p_used"] < 0.10]
    if table["p"].notna().sum() < 2 or called.empty:
        return []
    kept = called[called["tier"].isin(["high", "moderate"])]
    each = "; ".join(
        f"{row.parameter} p {format_p(row.p_used)}, Holm {format_p(row.holm)}, "
        f"BH {format_p(row.bh)}"
        for row in records(called)
    )
    text = (
        f"{len(table)} correlations and no family of tests: {len(called)} p-values are below .10, "
        f"after correction {len(kept)} ({each})."
    )
    remedy = "Say which tests are one family, and print corrected p-values."
    return [Finding("D10", "error", text, name, ", ".join(called["parameter"]), remedy)]


def _n_findings(table: pd.DataFrame) -> list[Finding]:
    found = []
    for row in records(table[~table["agrees"]]):
        fits = "fits no number of rows"
        if np.isfinite(row.n_low):
            ends = sorted({int(row.n_low), int(row.n_high)})
            fits = f"is that of {' to '.join(map(str, ends))} rows"
        text = (
            f"{row.parameter}: rho {row.rho:g} over {row.n:g} rows has p {format_p(row.p_from_n)}; "
            f"the printed p {row.p:g} {fits}. Rank by p, not by |rho|: rows have different n."
        )
        remedy = "Print the n of every row."
        found.append(Finding("D11", "error", text, str(row.parameter), remedy=remedy))
    return found


def _ranking_finding(name: str, table: pd.DataFrame) -> Iterator[Finding]:
    if table["n"].nunique() < 2:
        return
    by_size = table.sort_values("rho", key=abs, ascending=False, kind="stable")["parameter"]
    by_p = table.sort_values("p_from_n", kind="stable")["parameter"]
    if list(by_size) == list(by_p):
        return
    numbers = ", ".join(f"{row.parameter} {row.n:g}" for row in records(table))
    text = (
        f"Ranked by |rho|, over different numbers of rows ({numbers}): by p the order is "
        f"{', '.join(by_p)}."
    )
    yield Finding("D11", "error", text, name, remedy="Rank by p, or by an interval's near end.")


def _unattainable(table: pd.DataFrame) -> Iterator[Finding]:
    """Of n! orders two, the same and the reverse, are as extreme as any (n below 2 is refused)."""
    for row in records(table):
        smallest, level = 2 / math.factorial(min(int(row.n), 20)), _HOLM / len(table)
        if smallest > level:
            text = (
                f"{row.parameter}: {row.n:g} rows have {math.factorial(int(row.n))} orders, so no "
                f"exact p lies below {format_p(smallest)}, above the {level:.2g} that Holm asks of "
                f"the first of {len(table)}. Its rho says nothing."
            )
            remedy = "More rows that have it, or leave it out of the ranking."
            yield Finding("D02", "warning", text, str(row.parameter), remedy=remedy)


def _claim_findings(published: pd.DataFrame) -> Iterator[Finding]:
    for row in records(published):
        right, said = trend(float(row.rho), 1.0), _as_trend(str(row.claim))
        if said and right not in {"none", said}:
            text = (
                f"{row.parameter}: the text says '{row.claim}', but rho {row.rho:g} says {right}."
            )
            yield Finding("D12", "error", text, str(row.parameter), remedy="Correct the text.")


_OPPOSITE = {"increase": "decrease", "decrease": "increase"}


def _as_trend(claim: str) -> str:
    """`increase helps` or `decrease helps`: to hurt by one is to help by the other."""
    way, _, effect = claim.partition(" ")
    return f"{way if effect == 'helps' else _OPPOSITE[way]} helps" if claim else ""
