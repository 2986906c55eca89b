"""Verdicts in words and as a table.

The wording follows three rules. A verdict is what its adjusted p-values decided, so every p stands
with its family and correction. The interval beside it is the matching unadjusted one, and is
called so. And a question that stayed open is not a failure of the claim: the sentence says what
these seeds could have shown, and how many more would settle it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from latentlab.reporting.formatting import (
    MISSING,
    as_float,
    as_text,
    format_declared,
    format_estimate,
    format_p,
    format_share,
    plural,
)

VERDICTS = ("supported", "refuted", "inconclusive", "invalid", "not_run")
HEADLINES = {
    "supported": "Supported",
    "refuted": "Refuted",
    "inconclusive": "Not settled",
    "invalid": "Not judged",
    "not_run": "Not run",
}
CORRECTIONS = {
    "holm": "Holm",
    "bonferroni": "Bonferroni",
    "fdr_bh": "Benjamini-Hochberg",
    "fdr_by": "Benjamini-Yekutieli",
    "none": "no correction",
}
_UNITS_OF_SCOPE = {"seeds": "seed", "test_sample": "test example", "datasets": "dataset"}
_MERELY_OPEN = "the data leave the question open"

Row = Mapping[Hashable, Any]


def verdict_rows(verdicts: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """The table of verdicts as a list of rows; a column that is missing reads as unknown."""
    return verdicts.to_dict("records")


def verdict_table(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Display form of the verdicts: one row of text per hypothesis, in the given order."""
    rows = [
        {
            "hypothesis": as_text(row.get("hypothesis")),
            "verdict": as_text(row.get("verdict")).replace("_", " "),
            "status": as_text(row.get("status")),
            "comparison": comparison_text(row),
            "effect": effect_text(row),
            "boundary": boundary_text(row),
            "adjusted p (supported)": format_p(as_float(row.get("p_supported_adjusted"))),
            "adjusted p (refuted)": format_p(as_float(row.get("p_refuted_adjusted"))),
            "correction": correction_text(row),
            "n": count_text(row),
            "seeds needed": _seeds_needed(row),
            "effect size": as_text(row.get("effect_size")),
            "other tests (unadjusted p)": sensitivity_text(row),
        }
        for row in verdict_rows(verdicts)
    ]
    return pd.DataFrame(rows)


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
    if verdict == "inconclusive":
        parts.extend(_open_question(row))
    else:
        parts.append(_decided(row, verdict))
    if as_text(row.get("status")) == "exploratory":
        parts.append(exploratory_text(row).partition(": to confirm")[0].rstrip(".") + ".")
    return " ".join(parts)


def cause_text(row: Row) -> str:
    """Why a hypothesis got no answer; empty where the data alone left it open, or it has one.

    The table's reason is one sentence that repeats the numbers after ": effect" and the status
    after "; exploratory because"; what stands before them is the cause.
    """
    if as_text(row.get("verdict")) in {"supported", "refuted"}:
        return ""
    cause = as_text(row.get("reason")).partition("; exploratory because ")[0]
    cause = cause.partition(": effect ")[0].rstrip(".")
    return "" if cause == _MERELY_OPEN else cause


def exploratory_text(row: Row) -> str:
    """Say that a verdict is exploratory, why, and what would confirm it, if the table knows."""
    why = as_text(row.get("reason")).partition("; exploratory because ")[2].rstrip(".")
    return f"Exploratory, not confirmatory{': ' if why else ''}{why}."


def interval_label(row: Row) -> str:
    """What the interval of a verdict is ("unadjusted 90 % interval")."""
    level = as_float(row.get("interval_level"))
    return f"unadjusted {format_share(level)} interval" if level > 0 else "unadjusted interval"


def effect_text(row: Row) -> str:
    """Effect with its interval, rounded by the interval's width."""
    return format_estimate(
        as_float(row.get("effect")),
        as_float(row.get("interval_low")),
        as_float(row.get("interval_high")),
    )


def boundaries(row: Row) -> list[float]:
    """Where the claim begins to hold, on the oriented scale of the effect.

    The minimum effect for superiority, minus the margin for non-inferiority, both margins for
    equivalence; none where the table has no boundary. An interaction is read as superiority,
    because the table does not say whether it is one of equivalence.
    """
    bound = as_float(row.get("boundary"))
    if math.isnan(bound):
        return []
    kind = as_text(row.get("kind"))
    if kind == "non_inferiority":
        return [-abs(bound)]
    if kind == "equivalence":
        return [-abs(bound), abs(bound)]
    return [bound]


def boundary_text(row: Row) -> str:
    """The boundary of a claim in words ("above 2", "within -0.5 and 0.5")."""
    bounds = [format_declared(bound) for bound in boundaries(row)]
    if not bounds:
        return MISSING
    return f"above {bounds[0]}" if len(bounds) == 1 else f"between {bounds[0]} and {bounds[1]}"


def comparison_text(row: Row) -> str:
    """What was compared ("derp_vae_5 against standard_vae on kl (test)")."""
    arms = [name for name in map(as_text, (row.get("treatment"), row.get("control"))) if name]
    metric, split = as_text(row.get("metric")), as_text(row.get("split"))
    on = f"{metric} ({split})" if split else metric
    return " on ".join(part for part in (" against ".join(arms), on) if part)


def correction_text(row: Row) -> str:
    """Correction, family and level of a verdict ("Holm, family primary, alpha .05")."""
    name = as_text(row.get("correction"))
    parts = [CORRECTIONS.get(name, name)]
    if family := as_text(row.get("family")):
        parts.append(f"family {family}")
    if (alpha := as_float(row.get("alpha"))) > 0:
        parts.append(f"alpha {alpha:g}".replace("0.", ".", 1))
    return ", ".join(part for part in parts if part)


def count_text(row: Row) -> str:
    """Number of units with their kind ("10 seeds")."""
    n = as_float(row.get("n"))
    if math.isnan(n):
        return MISSING
    return plural(int(n), unit_of(row))


def unit_of(row: Row) -> str:
    """What n counts: trials for an association, else the units of the verdict's scope."""
    if as_text(row.get("kind")) == "association":
        return "trial"
    return _UNITS_OF_SCOPE.get(as_text(row.get("scope")), "unit")


def sensitivity_text(row: Row) -> str:
    """The other tests' p-values for the claim, none of them adjusted ("sign_flip .012")."""
    try:
        found = json.loads(as_text(row.get("sensitivity")) or "{}")
    except json.JSONDecodeError:
        return ""
    return ", ".join(f"{test} {format_p(as_float(p))}" for test, p in found.items())


def seeds_missing(row: Row) -> int | None:
    """How many more seeds an open question needs.

    None where that is unknown, where none are needed, and where the question is decided: the
    number then plans a repetition.
    """
    if as_text(row.get("verdict")) != "inconclusive":
        return None
    needed, n = as_float(row.get("seeds_needed")), as_float(row.get("n"))
    if not math.isfinite(needed):
        return None
    more = math.ceil(needed) - (int(n) if math.isfinite(n) else 0)
    return more if more > 0 else None


def _measured(row: Row) -> str:
    effect = as_float(row.get("effect"))
    if math.isnan(effect):
        return f"{comparison_text(row)}: no effect could be estimated."
    low, high = as_float(row.get("interval_low")), as_float(row.get("interval_high"))
    estimate = format_estimate(effect, low, high)
    interval = f", {interval_label(row)}" if "[" in estimate else ", no interval"
    return f"{comparison_text(row)}: effect {estimate}{interval}, {count_text(row)}."


def _decided(row: Row, verdict: str) -> str:
    p = format_p(as_float(row.get(f"p_{verdict}_adjusted")))
    relation = p if p.startswith(("<", ">")) else f"= {p}"
    side = {"supported": "satisfy", "refuted": "contradict"}[verdict]
    return (
        f"The scores {side} the declared boundary ({boundary_text(row)}): adjusted p {relation} "
        f"({correction_text(row)})."
    )


def _open_question(row: Row) -> list[str]:
    low, high = as_float(row.get("interval_low")), as_float(row.get("interval_high"))
    inside = [bound for bound in boundaries(row) if low <= bound <= high]
    parts = []
    if inside:
        bounds = " and ".join(format_declared(bound) for bound in inside)
        parts.append(f"The interval holds the boundary {bounds}, so either answer is still open.")
    elif math.isfinite(low):
        p = min(
            (as_float(row.get(f"p_{side}_adjusted")) for side in ("supported", "refuted")),
            key=lambda value: math.inf if math.isnan(value) else value,
        )
        parts.append(f"Smallest adjusted p: {format_p(p)} ({correction_text(row)}).")
    if cause := cause_text(row):
        parts.append(f"Reason: {cause}.")
    detectable, needed = as_float(row.get("detectable_effect")), as_float(row.get("seeds_needed"))
    if math.isfinite(detectable):
        shown = "a margin" if as_text(row.get("kind")) == "equivalence" else "a true effect"
        parts.append(
            f"With {count_text(row)} {shown} of {detectable:.2g} would be shown with 80 % power."
        )
    if more := seeds_missing(row):
        extra = plural(more, unit_of(row)).replace(" ", " more ", 1)
        parts.append(f"Needs about {extra} ({math.ceil(needed)} in all).")
    elif math.isfinite(detectable) and math.isnan(needed):
        parts.append(f"No affordable number of {unit_of(row)}s would settle an effect this small.")
    return parts


def _seeds_needed(row: Row) -> str:
    needed = as_float(row.get("seeds_needed"))
    is_open = as_text(row.get("verdict")) == "inconclusive" and math.isfinite(needed)
    return f"{math.ceil(needed)}" if is_open else MISSING
