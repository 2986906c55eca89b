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
from collections.abc import Iterator

import pandas as pd

from latentlab.reporting.formatting import (
    as_float,
    as_text,
    format_declared,
    format_p,
    plural,
)
from latentlab.reporting.verdict_cells import (
    Row,
    boundaries,
    cause_text,
    comparison_text,
    correction_text,
    count_text,
    effect_text,
    interval_label,
    look_text,
    problems_text,
    ratio_unit,
    seeds_missing,
    sources_text,
    unit_of_n,
    verdict_rows,
)

UNCONFIRMED = ("exploratory", "deviated")
"""Statuses of a verdict that is not confirmatory."""


def verdict_sentence(row: Row) -> str:
    """Say one verdict in plain language, without its headline.

    Args:
        row: one row of the table of verdicts.

    Returns:
        The claim, what was measured, what decided, and what is missing. The effect is oriented:
        positive is better.
    """
    verdict = as_text(row.get("verdict"))
    claim = as_text(row.get("question")).rstrip(".?") or as_text(row.get("hypothesis"))
    parts = [f"{claim[:1].upper()}{claim[1:]}."]
    if verdict in {"invalid", "not_run"}:
        parts.append(f"Reason: {cause_text(row) or 'none was recorded'}.")
        return " ".join(parts)
    parts.append(_measured(row))
    if sources := sources_text(row):
        parts.append(f"{sources[0].upper()}{sources[1:]}.")
    if verdict == "inconclusive":
        parts.extend(_open_question(row))
    else:
        parts.append(_decided(row, verdict))
        parts.extend(_decided_early(row))
    if as_text(row.get("status")) in UNCONFIRMED:
        parts.append(_status(row))
    if attempts := _attempts(row):
        parts.append(attempts)
    return " ".join(parts)


def status_sentence(verdicts: pd.DataFrame) -> str:
    """Count what may be called confirmatory and what may not: the first line of every report."""
    rows = [row for row in verdict_rows(verdicts) if as_text(row.get("status"))]
    counts = {
        status: sum(as_text(row.get("status")) == status for row in rows)
        for status in ("confirmatory", *UNCONFIRMED)
    }
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    return f"{plural(len(rows), 'verdict')}: {said}."


def next_step(verdicts: pd.DataFrame) -> str:
    """Say what may honestly be done about open questions; empty where there are none."""
    needs = [(seeds_missing(row), row) for row in verdict_rows(verdicts)]
    commands = [as_text(row.get("command")) for more, row in needs if more]
    if not any(commands):
        return ""
    return (
        "The seeds that an open question needs are an upper plan (from the upper 80 % limit of the "
        "spread; often a third is enough). Adding them to these would be a second look. A new "
        f"attempt on fresh seeds, registered before: {commands[0]}"
    )


def pooled_sentence(row: Row) -> str:
    """Say one pooled verdict in plain language, without its headline."""
    parts = [verdict_sentence(row)]
    if problems := problems_text(row):
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
    before = as_text(row.get("earlier_verdicts"))
    if not before:
        return ""
    number = int(as_float(row.get("attempt")))
    return f"Attempt {number}; before: {before}. Its corrected p pays for the attempts before."


def _measured(row: Row) -> str:
    effect = as_float(row.get("effect"))
    if math.isnan(effect):
        return f"{comparison_text(row)}: no effect could be estimated."
    estimate = effect_text(row)
    interval = f", {interval_label(row)}" if "[" in estimate else ", no interval"
    return f"{comparison_text(row)}: effect {estimate}{interval}, {count_text(row)}."


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


def _open_question(row: Row) -> list[str]:
    low, high = as_float(row.get("interval_low")), as_float(row.get("interval_high"))
    inside = [bound for bound in boundaries(row) if low <= bound <= high]
    parts = []
    if inside:
        bounds = " and ".join(format_declared(bound) for bound in inside)
        bounds += ratio_unit(row)
        parts.append(f"The interval holds the boundary {bounds}, so either answer is still open.")
    elif math.isfinite(low):
        p = min(
            (as_float(row.get(f"p_{side}_adjusted")) for side in ("supported", "refuted")),
            key=lambda value: math.inf if math.isnan(value) else value,
        )
        parts.append(f"Smallest adjusted p: {format_p(p)} ({correction_text(row)}).")
    cause = cause_text(row)
    if cause:
        parts.append(f"Reason: {cause}.")
    if where := look_text(row):
        parts.append(f"{where[0].upper()}{where[1:]}.")
    detectable, needed = as_float(row.get("detectable_effect")), as_float(row.get("seeds_needed"))
    # Where a cause stands in the way, no effect would have been shown.
    if math.isfinite(detectable) and not cause:
        is_margin = as_text(row.get("comparison")) == "equivalence"
        parts.append(
            f"With {count_text(row)} a {'margin' if is_margin else 'true effect'} of "
            f"{detectable:.2g}{ratio_unit(row)} would be shown with 80 % power."
        )
    if more := seeds_missing(row):
        extra = plural(more, unit_of_n(row)).replace(" ", " more ", 1)
        parts.append(f"Needs up to {extra} ({math.ceil(needed)} in all).")
    elif math.isfinite(detectable) and math.isnan(needed):
        more_examples = "" if math.isnan(as_float(row.get("examples"))) else " on these examples"
        parts.append(
            f"No affordable number of {unit_of_n(row)}s would settle an effect this small"
            f"{more_examples}."
        )
    return parts


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
