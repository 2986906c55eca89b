"""Rules about runs that are missing, and about runs that both chose and confirm."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact

from latentlab.core.arrays import Mask
from latentlab.reporting.formatting import format_p
from latentlab.runs.audit.audited import Audited
from latentlab.runs.audit.findings import Finding, Severity
from latentlab.runs.metric_names import words_of

_LEVEL = 0.02
"""Of Fisher's test that losses fall on some arms."""
_STAGE = {"phase", "stage", "purpose", "use"}
_CHOSE = {"select", "selection", "search", "tune", "tuning", "explore", "exploration", "screening"}
_CONFIRM = {"confirm", "confirmation", "final", "report", "test", "holdout", "evaluation"}


def lost_findings(audited: Audited) -> Iterator[Finding]:
    """D27: runs without a value, and whether they fall on some arms."""
    first = audited.columns[0]
    failed = np.isin(audited.states, ["failed", "diverged"])
    values = audited.scores[first].to_numpy(dtype=np.float64)
    measured = np.isfinite(values)
    if audited.arms is not None:
        # What an arm never measures, as a baseline may, is not lost.
        measured = measured | ~pd.Series(measured).groupby(audited.arms).transform("any").to_numpy()
    lost = failed | (~measured & (audited.states == "complete"))
    if audited.seeds is not None:
        # An attempt that was made again and came out is not lost.
        keys = pd.MultiIndex.from_arrays([audited.configurations, audited.seeds])
        lost &= ~keys.isin(keys[~lost])
    if not lost.any():
        return
    lacking = _lacking(audited, lost)
    about, without = ", ".join(lacking), f"have no {' or no '.join(lacking)}"
    if not lacking:
        about, without = first, "did not finish"
    text = f"{int(lost.sum())} of {len(lost)} runs {without}: what is left is a selection."
    remedy = "Run them again, or declare what a lost run counts as (missing: worst_value)."
    if audited.arms is None:
        yield Finding("D27", "warning", text, about, audited.named(lost), remedy)
        return
    names = audited.arm_names
    of_arm = [audited.arms == name for name in names]
    counts = [(int((own & lost).sum()), int((own & ~lost).sum())) for own in of_arm]
    each = ", ".join(
        f"{name} {gone} of {gone + left}"
        for name, (gone, left) in zip(names, counts, strict=True)
        if gone
    )
    whole = np.sum(counts, axis=0)
    # Each arm against all others, by Bonferroni; of two arms both comparisons are the same.
    tested = counts[:1] if len(counts) == 2 else counts
    p_values = [float(fisher_exact(np.array([own, whole - own])).pvalue) for own in tested]
    p = min(1.0, len(tested) * min(p_values))
    text += f" By arm: {each}; Fisher's p {format_p(p)}."
    if p < _LEVEL:
        text += " Losses fall on some arms, which flatters them."
    severity: Severity = "error" if p < _LEVEL else "warning"
    yield Finding("D27", severity, text, about, audited.named(lost), remedy)


def _lacking(audited: Audited, lost: Mask) -> list[str]:
    """The scores whose absence says that runs are lost: the first, where one of them lacks it.

    A run that failed may have some of its scores: then those that it alone lacks.
    """
    absent = {name: ~np.isfinite(audited.scores[name].to_numpy(float)) for name in audited.columns}
    first = audited.columns[0]
    if (absent[first] & lost).any():
        # One that failed behind its last value is lost as well.
        return [first]
    return [name for name, no in absent.items() if (no & lost).any() and not (no & ~lost).any()]


def _stages(audited: Audited) -> tuple[np.ndarray, np.ndarray] | None:
    """Which runs chose and which confirm, where a column says it."""
    for table in (audited.settings, audited.recorded):
        for name in table:
            if not _STAGE & set(words_of(str(name))):
                continue
            words = table[name].astype(str).str.lower()
            chose, confirm = words.isin(_CHOSE).to_numpy(), words.isin(_CONFIRM).to_numpy()
            if chose.any() and confirm.any():
                return chose, confirm
    return None


def knows_stages(audited: Audited) -> bool:
    """Whether a column says which runs chose and which confirm."""
    return _stages(audited) is not None


def double_dipping_findings(audited: Audited) -> Iterator[Finding]:
    """D20: seeds that both chose and confirm."""
    stages = _stages(audited)
    assert stages is not None
    assert audited.seeds is not None
    chose, confirm = stages
    shared = np.intersect1d(audited.seeds[chose], audited.seeds[confirm])
    if not len(shared):
        return
    where = confirm & np.isin(audited.seeds, shared)
    listed = ", ".join(map(str, shared[:12]))
    text = (
        f"{len(shared)} seeds both chose and confirm ({listed}): what confirms on the seeds that "
        "chose it is too good by the choice."
    )
    remedy = f"Confirm on fresh seeds, from {int(audited.seeds.max()) + 1} on."
    yield Finding("D20", "error", text, "", audited.named(where), remedy)
