"""A published table of rank correlations, held against its own figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.stats

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import format_p
from latentlab.runs.audit.findings import Finding, records
from latentlab.search.effects.rank_correlations import trend
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


def check_published(
    published: pd.DataFrame, decimals: int = 3
) -> tuple[pd.DataFrame, list[Finding]]:
    """Recompute the p-values of a published table and correct them.

    Args:
        published: `parameter`, `rho`, `p` (missing where it was not printed), `n` as claimed, and
            optionally `claim`, the text that says which way helps or hurts, for an objective
            where larger is better.
        decimals: places to which rho and p were printed.

    Returns:
        The table with `p_from_n`, whether it `agrees` with the printed p within rounding, the
        numbers of rows (`n_low` to `n_high`) that would, and Holm's and Benjamini and Hochberg's
        adjusted p-values over all rows: of the printed p where there is one, else of `p_from_n`
        (`p_used`). Findings D10 (no correction), D11 (n does not fit) and D12 (text against sign).
    """
    table = published.assign(
        p_from_n=[textbook_p(r, int(n)) for r, n in published[["rho", "n"]].to_numpy()]
    )
    fits = [
        consistent_n(float(r), float(p), decimals) if np.isfinite(p) else None
        for r, p in published[["rho", "p"]].to_numpy(dtype=np.float64)
    ]
    table["n_low"] = [fit[0] if fit else math.nan for fit in fits]
    table["n_high"] = [fit[1] if fit else math.nan for fit in fits]
    printed = table["p"].notna()
    table["agrees"] = (table["n_low"] <= table["n"]) & (table["n"] <= table["n_high"]) | ~printed
    table["p_used"] = table["p"].where(printed, table["p_from_n"])
    p = table["p_used"].to_numpy(dtype=np.float64)
    holm, bh = adjust(p, "holm"), adjust(p, "fdr_bh")
    tiers = np.select([holm < _HOLM, bh < _BENJAMINI_HOCHBERG], ["high", "moderate"], "open")
    table = table.assign(holm=holm, bh=bh, tier=tiers)
    findings = [*_family_finding(table), *_n_findings(table), *_claim_findings(published)]
    return table[list(COLUMNS)], findings


def _family_finding(table: pd.DataFrame) -> list[Finding]:
    called = table[table["p_used"] < 0.10]
    if len(table) < 2 or called.empty:
        return []
    kept = called[called["tier"].isin(["high", "moderate"])]
    each = "; ".join(
        f"{row.parameter} p {format_p(row.p_used)}, Holm {format_p(row.holm)}, "
        f"BH {format_p(row.bh)}"
        for row in records(called)
    )
    text = (
        f"{len(table)} p-values without a family: {len(called)} are below .10, after correction "
        f"{len(kept)} ({each})."
    )
    return [Finding("D10", "error", text)]


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
        found.append(Finding("D11", "error", text, str(row.parameter)))
    return found


def _claim_findings(published: pd.DataFrame) -> list[Finding]:
    if "claim" not in published:
        return []
    found = []
    for row in records(published):
        right = trend(float(row.rho), 1.0)
        said = _as_trend(str(row.claim))
        if said and right not in {"none", said}:
            text = (
                f"{row.parameter}: the text says '{row.claim}', but rho {row.rho:g} says {right}."
            )
            found.append(Finding("D12", "error", text, str(row.parameter)))
    return found


_OPPOSITE = {"increase": "decrease", "decrease": "increase"}


def _as_trend(claim: str) -> str:
    """`increase helps` or `decrease helps`; to hurt by one is to help by the other."""
    words: Sequence[str] = claim.lower().split()
    way = next((word for word in words if word in _OPPOSITE), "")
    if not way or not {"helps", "hurts"} & set(words):
        return ""
    return f"{way if 'helps' in words else _OPPOSITE[way]} helps"
