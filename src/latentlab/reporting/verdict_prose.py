"""Verdicts in sentences: the only place that writes them.

The wording follows three rules. A verdict is what its adjusted p-values decided, so every p stands
with its family and correction. The interval beside it is the matching unadjusted one, and is
called so. And a question that stayed open is not a failure of the claim: the sentence says what
these seeds could have shown, and how many more would settle it.

What a claim has to say itself (what was found, why nothing was) comes as clauses in the columns of
the verdict; nothing here is read out of another sentence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from latentlab.reporting.formatting import (
    as_float,
    as_text,
    format_declared,
    format_p,
    noun_for,
    plural,
)
from latentlab.reporting.verdict_cells import (
    ANSWERS,
    VERDICTS,
    Row,
    boundaries,
    cause_text,
    claim_text,
    comparison_text,
    contrasts,
    contrasts_text,
    correction_text,
    count_text,
    deciding_p,
    effect_text,
    interval_label,
    look_text,
    problems_text,
    ranks_text,
    ratio_unit,
    seeds_in_all,
    seeds_missing,
    sensitivity,
    sources_text,
    unit_of_n,
    verdict_rows,
)

# One sample of normal differences in twenty looks as skewed as this.
_UNLIKELY = 0.05
UNCONFIRMED = ("exploratory", "deviated")
"""Statuses of a verdict that is not confirmatory."""
REHEARSAL = (
    "A rehearsal: this environment tries the pipeline, and no verdict answers the study's question."
)
"""What stands below the counts where verdicts only try the pipeline."""


def verdict_sentence(row: Row) -> str:
    """Say one verdict in plain language, without its headline.

    Args:
        row: one row of the table of verdicts.

    Returns:
        The claim, what was measured, what decided, and what is missing. The effect is oriented:
        positive is better.
    """
    verdict = as_text(row.get("verdict"))
    claim = claim_text(row)
    parts = [claim if claim.endswith("?") else f"{claim}."]
    if verdict in {"invalid", "not_run"}:
        parts.append(f"Reason: {cause_text(row) or 'none was recorded'}.")
        return " ".join(parts)
    parts.append(_measured(row))
    if found := contrasts_text(row):
        parts.append(f"By contrast, each p adjusted for the others: {found}.")
    if sources := sources_text(row):
        parts.append(f"{sources[0].upper()}{sources[1:]}.")
    if verdict == "inconclusive":
        parts.extend(_open_question(row))
    else:
        parts.append(_decided(row, verdict))
        parts.extend(_decided_early(row))
    if skew := _skew(row):
        parts.append(skew)
    if as_text(row.get("status")) in UNCONFIRMED:
        parts.append(_status(row))
    if attempts := _attempts(row):
        parts.append(attempts)
    return " ".join(parts)


def status_sentence(verdicts: pd.DataFrame) -> str:
    """Count what was found and what may be called confirmatory: the first line of every report."""
    rows = [row for row in verdict_rows(verdicts) if as_text(row.get("status"))]
    found = {name: _count(rows, "verdict", name) for name in VERDICTS}
    # That claims had no answer is said where there are such.
    found = {name: count for name, count in found.items() if count or name in ANSWERS}
    standing = {name: _count(rows, "status", name) for name in ("confirmatory", *UNCONFIRMED)}
    return f"{plural(len(rows), 'verdict')}: {_counted(found)}; {_counted(standing)}."


def _count(rows: Sequence[Row], column: str, value: str) -> int:
    return sum(as_text(row.get(column)) == value for row in rows)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())


def next_step(verdicts: pd.DataFrame) -> str:
    """Say what may honestly be done about open questions; empty where there are none."""
    needs = [row for row in verdict_rows(verdicts) if seeds_missing(row)]
    # Seeds enough for the question that needs the most are enough for all.
    most = max(needs, key=lambda row: as_float(row.get("seeds_needed")), default={})
    if not (command := as_text(most.get("command"))):
        return ""
    return (
        "The seeds that an open question needs run from a plan with the spread that was seen to an "
        "upper plan with its upper 80 % limit. Adding them to these would be a second look. "
        f"{_honest_next(needs)}: `{command}`"
    )


def _honest_next(rows: Sequence[Row]) -> str:
    """Say what a further attempt is, and what would have spared it."""
    declared = any(math.isfinite(as_float(row.get("looks"))) for row in rows)
    return (
        "A new attempt on fresh seeds, registered before and tested at a smaller level"
        f"{'' if declared else ' (or declared looks, `stopping`, from its start)'}"
    )


def pooled_sentence(row: Row) -> str:
    """Say one pooled verdict in plain language, without its headline."""
    parts = [verdict_sentence(row)]
    if ranks := ranks_text(row):
        parts.append(f"Mean ranks, 1 is best: {ranks}.")
    elif problems := problems_text(row):
        parts += [f"By problem: {problems}.", _agreement(row)]
    return " ".join(parts)


def verdict_deviations(verdicts: pd.DataFrame) -> Iterator[str]:
    """Say which verdicts are not what was planned: no answer, useless pairing, not confirmatory.

    Hypotheses of one status for one reason share a sentence, which ends with the command that would
    confirm them.
    """
    unconfirmed: dict[str, list[str]] = {}
    for row in verdict_rows(verdicts):
        name, verdict = as_text(row.get("hypothesis")), as_text(row.get("verdict"))
        cause = cause_text(row)
        if verdict in {"invalid", "not_run"}:
            yield f"{name} is {verdict.replace('_', ' ')}: {cause or 'no reason was recorded'}."
            continue
        if cause:
            yield f"{name} is not settled: {cause}."
        correlation = as_float(row.get("pairing_correlation"))
        if correlation <= 0:
            yield (
                f"{name}: the arms' scores do not rise together over seeds (correlation "
                f"{correlation:.2f}), so pairing bought nothing."
            )
        if attempts := _attempts(row):
            yield f"{name}: {attempts}"
        if as_text(row.get("status")) in UNCONFIRMED:
            text = _status(row)
            if command := as_text(row.get("command")):
                text = f"{text} To confirm, on fresh seeds: `{command}`."
            unconfirmed.setdefault(text, []).append(name)
    for text, names in unconfirmed.items():
        yield f"{', '.join(names)}: {text}"


def _status(row: Row) -> str:
    why = as_text(row.get("status_reason")).rstrip(".")
    status = as_text(row.get("status")).capitalize()
    return f"{status}, not confirmatory{': ' if why else ''}{why}."


def _attempts(row: Row) -> str:
    said = []
    if before := as_text(row.get("earlier_verdicts")):
        number = int(as_float(row.get("attempt")))
        said.append(f"Attempt {number}; before: {before}. Its corrected p pays for those before.")
    if otherwise := as_text(row.get("asked_otherwise")):
        said.append(f"Under this name another claim was judged before: {otherwise}.")
    return " ".join(said)


def _measured(row: Row) -> str:
    effect = as_float(row.get("effect"))
    if math.isnan(effect):
        return f"{comparison_text(row)}: no effect could be estimated."
    ends = as_float(row.get("interval_low")), as_float(row.get("interval_high"))
    interval = "no interval" if any(map(math.isnan, ends)) else interval_label(row)
    what = "strongest contrast" if contrasts(row) else "effect"
    return f"{comparison_text(row)}: {what} {effect_text(row)}, {interval}, {count_text(row)}."


def _decided(row: Row, verdict: str) -> str:
    p = format_p(as_float(row.get(f"p_{verdict}_adjusted")))
    return (
        f"Found: {as_text(row.get('finding')) or verdict}, adjusted p {_equal(p)} "
        f"({correction_text(row)})."
    )


def _decided_early(row: Row) -> Iterator[str]:
    """Say at which of the declared looks the verdict fell, and what that does to the effect."""
    where = look_text(row)
    if not where:
        return
    p, saved = as_float(row.get("stagewise_p")), as_float(row.get("seeds_saved"))
    yield f"{where[0].upper()}{where[1:]}, stage-wise p {_equal(format_p(p))}."
    if saved > 0:
        yield (
            f"That is {plural(int(saved), 'seed')} before the last look; effects that are decided "
            "early tend to be overestimated."
        )


def _equal(p: str) -> str:
    return p if p.startswith(("<", ">")) else f"= {p}"


def _skew(row: Row) -> str:
    """Say that the differences are skewed, and what that does to a one-sided test."""
    skewness, p = as_float(row.get("skewness")), as_float(row.get("skewness_p"))
    if not p <= _UNLIKELY:
        return ""
    profits = "supported" if skewness < 0 else "refuted"
    if as_text(row.get("comparison")) == "equivalence":
        profits = "supported or refuted"
    beside = {
        "supported": as_float(sensitivity(row).get("skewed_t")),
        "refuted": as_float(row.get("skewed_p_refuted")),
    }
    proof = ", ".join(f"{name} {format_p(p)}" for name, p in beside.items() if p >= 0)
    return (
        f"The differences look skewed (skewness {skewness:.2g}, p {_equal(format_p(p))}): with so "
        f"few, a one-sided t test errs more often than its level says, towards {profits}"
        + (f". Unadjusted p with an allowance for skewness: {proof}." if proof else ".")
    )


def _open_question(row: Row) -> list[str]:
    low, high = as_float(row.get("interval_low")), as_float(row.get("interval_high"))
    inside = [bound for bound in boundaries(row) if low <= bound <= high]
    parts = []
    p, side = deciding_p(row)
    if not side:
        parts.append("Its p-value is undefined.")
    elif inside:
        bounds = " and ".join(format_declared(bound) for bound in inside)
        bounds += ratio_unit(row)
        parts.append(f"The interval holds the boundary {bounds}, so either answer is still open.")
    elif math.isfinite(low):
        parts.append(f"Smallest adjusted p: {p} ({correction_text(row)}).")
    cause = cause_text(row)
    if cause:
        parts.append(f"Reason: {cause}.")
    if where := look_text(row):
        parts.append(f"{where[0].upper()}{where[1:]}.")
    detectable = as_float(row.get("detectable_effect"))
    # Where a cause stands in the way, no effect would have been shown.
    if math.isfinite(detectable) and not cause:
        is_margin = as_text(row.get("comparison")) == "equivalence"
        parts.append(
            f"With {count_text(row)} a {'margin' if is_margin else 'true effect'} of "
            f"{detectable:.2g}{ratio_unit(row)} would be shown with 80 % power."
        )
    if needed := seeds_in_all(row):
        parts.append(_needs(row, *needed))
    elif math.isfinite(detectable) and math.isnan(as_float(row.get("seeds_needed"))):
        more_examples = "" if math.isnan(as_float(row.get("examples"))) else " on these examples"
        parts.append(
            f"No affordable number of {unit_of_n(row)}s would settle an effect this small"
            f"{more_examples}."
        )
    return parts


def _needs(row: Row, likely: int, upper: int) -> str:
    unit = noun_for(upper - int(as_float(row.get("n"))), unit_of_n(row))
    more = f"Needs {seeds_missing(row)} more {unit}"
    if likely == upper:
        return f"{more} ({upper} in all)."
    return f"{more}: {likely} in all by the spread that was seen, {upper} by its upper 80 % limit."


def _agreement(row: Row) -> str:
    """Say what the problems' spread means for the pooled effect."""
    q, p, share = (
        as_float(row.get(k)) for k in ("heterogeneity_q", "heterogeneity_p", "i_squared")
    )
    if math.isnan(p):
        return "Whether the problems differ cannot be said: one shows no variation."
    figures = f"Q = {q:.3g}, p = {p:.2g}, I² = {100 * share:.0f} %"
    if as_text(row.get("problems_differ")) == "True":
        return f"The problems differ ({figures}): the pooled effect averages unlike problems."
    return f"No difference between the problems is shown ({figures})."
