"""Verdicts as a table of text, and the texts of its cells; `verdict_prose` writes the sentences."""

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

ANSWERS = ("supported", "refuted", "inconclusive")
VERDICTS = (*ANSWERS, "invalid", "not_run")
CORRECTIONS = {
    "holm": "Holm",
    "bonferroni": "Bonferroni",
    "fdr_bh": "Benjamini-Hochberg",
    "none": "no correction",
}

Row = Mapping[Hashable, Any]


def verdict_rows(verdicts: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Return the table of verdicts as rows; a column that is missing reads as unknown."""
    return verdicts.to_dict("records")


def verdict_table(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts for display: one row of text per hypothesis, in the given order."""
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


def interval_label(row: Row) -> str:
    """Say what the interval of a verdict is ("unadjusted 90 % interval").

    Those of several contrasts cover together; none is adjusted for the other claims of the family.
    """
    level, kind = as_float(row.get("interval_level")), "unadjusted"
    if contrasts(row):
        kind = "simultaneous"
    return f"{kind} {format_share(level)} interval" if level > 0 else f"{kind} interval"


def effect_text(row: Row) -> str:
    """Write the effect with its interval, rounded by the interval's width."""
    text = format_estimate(
        as_float(row.get("effect")),
        as_float(row.get("interval_low")),
        as_float(row.get("interval_high")),
    )
    return text if text == MISSING else f"{text}{ratio_unit(row)}"


def ratio_unit(row: Row) -> str:
    """Return what follows an effect that is a ratio; empty where it is in the metric's unit."""
    unit = as_text(row.get("unit"))
    return f" {unit}" if unit.startswith("%") else ""


def boundaries(row: Row) -> list[float]:
    """Return where the claim begins to hold, on the oriented scale of the effect.

    The minimum effect for superiority, minus the margin for non-inferiority, both margins for
    equivalence and for a difference, 0 for a trend; none where the table has no boundary.
    """
    bound = as_float(row.get("boundary"))
    if math.isnan(bound):
        return []
    comparison = as_text(row.get("comparison"))
    if comparison == "non_inferiority":
        return [-abs(bound)]
    if comparison in ("equivalence", "difference") and bound:
        return [-abs(bound), abs(bound)]
    return [bound]


def boundary_text(row: Row) -> str:
    """Write the boundary of a claim ("above 2", "between -0.5 and 0.5")."""
    bounds = [format_declared(bound) for bound in boundaries(row)]
    if not bounds:
        return MISSING
    is_difference = as_text(row.get("comparison")) == "difference"
    if len(bounds) == 1:
        text = f"{'other than' if is_difference else 'above'} {bounds[0]}"
    elif is_difference:
        text = f"outside {bounds[0]} to {bounds[1]}"
    else:
        text = f"between {bounds[0]} and {bounds[1]}"
    return f"{text}{ratio_unit(row)}"


def claim_text(row: Row) -> str:
    """Write what was claimed or asked, without its point; its name where that is all."""
    claim = as_text(row.get("question")).rstrip(".") or as_text(row.get("hypothesis"))
    return f"{claim[:1].upper()}{claim[1:]}"


def comparison_text(row: Row) -> str:
    """Say what was compared ("derp_vae_5 against standard_vae on kl (test)")."""
    arms = [name for name in map(as_text, (row.get("treatment"), row.get("control"))) if name]
    metric, split = as_text(row.get("metric")), as_text(row.get("split"))
    on = f"{metric} ({split})" if split else metric
    return " on ".join(part for part in (" against ".join(arms), on) if part)


def verdict_class(row: Row) -> str:
    """Return the verdict whose colour and symbol are shown: invalid where it is not known."""
    verdict = as_text(row.get("verdict"))
    return verdict if verdict in VERDICTS else "invalid"


def deciding_p(row: Row) -> tuple[str, str]:
    """Write the adjusted p that decided, and its side; of an open question the smaller one.

    What was asked of scores that a test says nothing about has none: it is undefined.
    """
    verdict = as_text(row.get("verdict"))
    found = {side: as_float(row.get(f"p_{side}_adjusted")) for side in ("supported", "refuted")}
    sides = {side: p for side, p in found.items() if p >= 0}
    if not sides:
        return ("undefined" if verdict == "inconclusive" else MISSING), ""
    side = verdict if verdict in sides else min(sides, key=lambda key: sides[key])
    return format_p(sides[side]), side


def correction_text(row: Row) -> str:
    """Write correction, family and level of a verdict ("Holm, family primary, alpha .05")."""
    name = as_text(row.get("correction"))
    parts = [CORRECTIONS.get(name, name)]
    if family := as_text(row.get("family")):
        parts.append(f"family {family}")
    if (alpha := as_float(row.get("alpha"))) > 0:
        parts.append(f"alpha {alpha:g}".replace("0.", ".", 1))
    return ", ".join(part for part in parts if part)


def count_text(row: Row) -> str:
    """Write the number of units with their kind ("10 seeds x 359 examples in 80 groups")."""
    n, examples = as_float(row.get("n")), as_float(row.get("examples"))
    if math.isnan(n):
        return MISSING
    count = plural(int(n), unit_of_n(row))
    if math.isnan(examples):
        return count
    groups = as_float(row.get("example_groups"))
    together = "" if math.isnan(groups) else f" in {plural(int(groups), 'group')}"
    return f"{count} x {plural(int(examples), 'example')}{together}"


def sources_text(row: Row) -> str:
    """Say how the interval divides between seeds and examples; empty for seeds alone."""
    if "examples" not in as_text(row.get("generalises_to")) or not as_float(row.get("n")) >= 2:
        return ""
    share, narrowest = as_float(row.get("examples_share")), as_float(row.get("narrowest"))
    if math.isnan(as_float(row.get("examples"))):
        split = as_text(row.get("split"))
        return f"each seed has {split} examples of its own, so its variance holds both sources"
    if math.isnan(share):
        return "neither seeds nor examples vary"
    divided = f"seeds {format_share(round(1 - share, 2))}, examples {format_share(round(share, 2))}"
    if not narrowest > 0:
        return divided
    return (
        f"{divided}: more seeds alone cannot make it narrower than +- {narrowest:.2g}"
        f"{ratio_unit(row)}"
    )


def look_text(row: Row) -> str:
    """Say at which declared look it was decided ("look 2 of 4"), or was open; empty without."""
    look, looks = as_float(row.get("look")), as_float(row.get("looks"))
    if math.isnan(look):
        return ""
    is_open = as_text(row.get("verdict")) == "inconclusive"
    return f"{'open' if is_open else 'decided'} at look {look:.0f} of {looks:.0f}"


def unit_of_n(row: Row) -> str:
    """Return what n counts: "seed" or "trial"."""
    return as_text(row.get("n_unit")) or "unit"


def cause_text(row: Row) -> str:
    """Say why there is no answer; empty where there is one, or the data alone leave it open."""
    return as_text(row.get("cause")).rstrip(".")


def sensitivity(row: Row) -> dict[str, Any]:
    """Return the other tests' p-values for the claim, none of them adjusted."""
    try:
        found: dict[str, Any] = json.loads(as_text(row.get("sensitivity")) or "{}")
    except json.JSONDecodeError:
        return {}
    return found


def sensitivity_text(row: Row) -> str:
    """Write the other tests' p-values for the claim."""
    return ", ".join(f"{test} {format_p(as_float(p))}" for test, p in sensitivity(row).items())


def seeds_in_all(row: Row) -> tuple[int, int] | None:
    """Return how many seeds an open question needs: likely, and at the upper limit of its spread.

    None where that is unknown, where none are needed, and where the question is decided: the
    number then plans a repetition.
    """
    if as_text(row.get("verdict")) != "inconclusive":
        return None
    upper, likely = as_float(row.get("seeds_needed")), as_float(row.get("seeds_likely"))
    if not upper > _present(row):
        return None
    return math.ceil(upper if math.isnan(likely) else likely), math.ceil(upper)


def seeds_missing(row: Row) -> str:
    """Write how many more seeds an open question needs ("17 to 81", "up to 3"); else nothing.

    By the spread that was seen, they may be enough already; only the upper limit is told then.
    """
    if (needed := seeds_in_all(row)) is None:
        return ""
    likely, upper = (count - _present(row) for count in needed)
    if likely == upper:
        return f"{upper}"
    return f"{likely} to {upper}" if likely > 0 else f"up to {upper}"


def _present(row: Row) -> int:
    n = as_float(row.get("n"))
    return int(n) if math.isfinite(n) else 0


def _estimate(own: Mapping[str, Any]) -> str:
    """Write one of several effects with its interval."""
    return format_estimate(*(as_float(own[key]) for key in ("effect", "low", "high")))


def contrasts(row: Row) -> dict[str, dict[str, Any]]:
    """Return effect, interval and adjusted p of every contrast of a claim about several."""
    found: dict[str, dict[str, Any]] = json.loads(as_text(row.get("contrasts")) or "{}")
    return found


def contrasts_text(row: Row) -> str:
    """Write the contrasts of a claim ("a - old 0.2 [0.1, 0.3], p .003; .."); empty without."""
    return "; ".join(
        f"{name} {_estimate(own)}{ratio_unit(row)}, p {format_p(as_float(own['p']))}"
        for name, own in contrasts(row).items()
    )


def effects_by_problem(row: Row) -> dict[str, dict[str, Any]]:
    """Return n, effect and interval of every problem that a verdict was pooled over."""
    found: dict[str, dict[str, Any]] = json.loads(as_text(row.get("problems")) or "{}")
    return found


def problems_text(row: Row) -> str:
    """Write the problems' own effects with their intervals ("digits 0.2 [0.1, 0.3]; mnist ..")."""
    return "; ".join(f"{name} {_estimate(own)}" for name, own in effects_by_problem(row).items())


def mean_ranks(row: Row) -> dict[str, float]:
    """Return the mean rank of every arm of a claim about ranks; none of other claims."""
    found: dict[str, float] = json.loads(as_text(row.get("mean_ranks")) or "{}")
    return found


def ranks_text(row: Row) -> str:
    """Write the mean ranks, best first ("new 1.20, old 1.80")."""
    rising = sorted(mean_ranks(row).items(), key=lambda item: item[1])
    return ", ".join(f"{arm} {rank:.2f}" for arm, rank in rising)


def _seeds_needed(row: Row) -> str:
    upper, likely = as_float(row.get("seeds_needed")), as_float(row.get("seeds_likely"))
    if as_text(row.get("verdict")) != "inconclusive" or not math.isfinite(upper):
        return MISSING
    return f"{likely:.0f} to {upper:.0f}" if likely < upper else f"{upper:.0f}"
