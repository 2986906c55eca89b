"""Warnings about what a sweep shows: plateaus, selected winners, small n, and what chance gives."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from latentlab.reporting.formatting import format_number, format_p, plural
from latentlab.runs.audit.findings import Finding, Severity, records
from latentlab.search.formatting import format_list
from latentlab.search.matrix import SweepMatrix
from latentlab.search.screening import HIGH, MODERATE, Screening

_TIED_SHARE = 0.2
_FEWEST_TIED = 3
_CONSTANT_SHARE = 0.1
_MOST_AT_BOUND = 0.5
_FEWEST_ELITES = 2
_FAMILY_LEVEL = 0.05


def family_findings(screening: Screening) -> list[Finding]:
    """D10, D02 and D03: what the family is, how it came out, and what could not come out."""
    untested = screening.named("untestable")
    members = len(screening.tests) - len(untested)
    high, moderate, unknown = (len(screening.named(tier)) for tier in ("high", "moderate", "open"))
    text = (
        f"{members} tests form one family, one for each parameter: {high} high (corrected p at "
        f"most {HIGH:g}), {moderate} moderate (at most {MODERATE:g}), {unknown} open. Compared "
        f"with {screening.null}."
    )
    found = [Finding("D10", "note", text)]
    smallest = 1 / (screening.replicates + 1)
    if members and smallest > HIGH:
        text = (
            f"With {screening.replicates} null replicates no p below {format_p(smallest)} is "
            f"possible: nothing can be high."
        )
        found.append(Finding("D02", "warning", text))
    if untested:
        text = f"Too few rows or a single value, so no test: {format_list(untested)}."
        found.append(Finding("D03", "note", text))
    return found


def collinear_findings(screening: Screening) -> list[Finding]:
    """D09: parameters that varied together, and whether that leaves open which of them matters."""
    found = []
    for pair in screening.collinear:
        text = (
            f"{pair.first} and {pair.second} varied together ({pair.shown} over {pair.rows} rows). "
        )
        if pair.inseparable:
            named = " and ".join(pair.inseparable)
            text += (
                f"What is found of {named} may be the other's: given it, nothing certain is left. "
                "No refinement acts on it."
            )
        else:
            text += "Neither's importance or correlation is its own."
        remedy = f"Vary {pair.first} while {pair.second} is held, and the other way round"
        about = f"{pair.first}, {pair.second}"
        found.append(Finding("D09", "warning", text, about, remedy=remedy))
    return found


def power_findings(correlations: pd.DataFrame, screening: Screening) -> list[Finding]:
    """D03: correlations of open parameters that so few rows find in under four of five sweeps.

    Args:
        correlations: as `rank_correlations` gives them.
        screening: of the sweep.
    """
    known = correlations[correlations["rho"].notna() & correlations["detectable_rho"].notna()]
    known = known[known["parameter"].isin(screening.named("open"))]
    weak = known[known["rho"].abs() < known["detectable_rho"]]
    if weak.empty:
        return []
    least = known["detectable_rho"].min()
    text = (
        f"{len(weak)} of the {plural(len(known), 'rank correlation')} of open parameters are "
        "smaller than what their rows find with 80 % power in a single test at .05 (at best "
        f"{least:.2f}). That they are open says little."
    )
    return [Finding("D03", "warning", text)]


def conditional_findings(correlations: pd.DataFrame, total: int) -> list[Finding]:
    """D11: a conditional parameter's n is not the sweep's.

    Args:
        correlations: as `rank_correlations` gives them.
        total: rows of the sweep.
    """
    conditional = correlations[correlations["conditional"] & correlations["rho"].notna()]
    return [
        Finding(
            "D11",
            "warning",
            f"{row.parameter} exists in {row.n} of {total} rows: its rho of {row.rho:.3f} is over "
            f"{row.n} rows, and not to be ranked beside one over {total}. The screening's p "
            "takes that into account.",
            str(row.parameter),
        )
        for row in records(conditional)
    ]


def attainable_findings(correlations: pd.DataFrame) -> list[Finding]:
    """D02: correlations over so few rows that none of their orders reaches the family's level.

    Args:
        correlations: as `rank_correlations` gives them.
    """
    known = correlations[correlations["rho"].notna()]
    level = _FAMILY_LEVEL / max(len(known), 1)
    return [
        Finding(
            "D02",
            "warning",
            f"{row.parameter}: over {row.n} rows no rank correlation, however large, has a "
            f"two-sided p below {format_p(row.least_p)}, and {plural(len(known), 'correlation')} "
            f"at {_FAMILY_LEVEL:g} need {format_p(level)}. Its rho of {row.rho:.3f} says nothing.",
            str(row.parameter),
            remedy="Ask for more configurations that have it",
        )
        for row in records(known[known["least_p"] > level])
    ]


def plateau_findings(rows: SweepMatrix) -> list[Finding]:
    """D22: values at the score of a constant predictor, and values that many rows share."""
    n, constant = len(rows.values), rows.objective.constant
    found = []
    at_constant = np.zeros(n, dtype=np.bool_)
    if constant is not None:
        at_constant = np.isclose(rows.values, constant, rtol=1e-9, atol=1e-12)
        below = rows.objective.sign * (rows.values - constant) < 0
        if at_constant.sum() >= max(2, _CONSTANT_SHARE * n):
            text = (
                f"{int(at_constant.sum())} of {n} rows are exactly at {constant:.6g}, the score of "
                "the best constant predictor: they have learned nothing. "
                f"{int((below & ~at_constant).sum())} are worse. Directions and importances are "
                "about what leaves the plateau, not about what is best."
            )
            found.append(Finding("D22", "warning", text))
    values, counts = np.unique(rows.values[~at_constant], return_counts=True)
    if len(counts) and counts.max() >= max(_FEWEST_TIED, _TIED_SHARE * n):
        text = (
            f"{int(counts.max())} of {n} rows share the value {values[counts.argmax()]:.6g}. Ties "
            "carry no order: look whether it is the score of a predictor that says one thing."
        )
        found.append(Finding("D22", "warning", text))
    return found


def winner_findings(best: pd.DataFrame) -> list[Finding]:
    """D05: the lead that the best of so many has by chance.

    Args:
        best: as `winner` gives it.
    """
    row = next(records(best))
    if not row.gap > 0:
        return []
    start = (
        f"The winner, configuration {row.configuration} at {row.value:.4g}, leads the mean "
        f"of {row.rows} rows by {row.gap:.3g}."
    )
    if math.isnan(row.expected_gap):
        text = (
            f"{start} How much of that is selection is unknown: no configuration was trained on "
            "two seeds. Train it anew on fresh seeds before its value is reported."
        )
        return [Finding("D05", "note", text, rows=f"configuration {row.configuration}")]
    mostly_bias = row.expected_gap >= row.gap / 2
    text = (
        f"{start} If nothing but seeds told the rows apart, the best of {row.rows} would lead "
        f"by {row.expected_gap:.3g} (SD of replicates {row.replicate_sd:.3g}, "
        f"{plural(row.replicate_freedom, 'degree')} of freedom; its value is over "
        f"{plural(row.seeds, 'run')}). Fresh seeds are expected to show {row.shrunken_value:.4g}."
    )
    severity: Severity = "warning" if mostly_bias else "note"
    return [Finding("D05", severity, text, rows=f"configuration {row.configuration}")]


def noise_findings(best: pd.DataFrame) -> list[Finding]:
    """D04: a lead over the second row that replicates of one configuration have too.

    Args:
        best: as `winner` gives it.
    """
    row = next(records(best))
    if not row.lead < row.least_lead:
        return []
    text = (
        f"Configuration {row.configuration} leads the next by {row.lead:.3g}, which lies inside "
        f"the noise: two configurations are told apart from {row.least_lead:.3g} on (SD of "
        f"replicates {row.replicate_sd:.3g}, {plural(row.replicate_freedom, 'degree')} of freedom)."
    )
    remedy = "Train the best few anew on fresh seeds, the same for all"
    named = f"configuration {row.configuration}"
    return [Finding("D04", "note", text, rows=named, remedy=remedy)]


def branch_findings(branches: pd.DataFrame) -> list[Finding]:
    """D05: a lead of one branch over another that its larger number of tries alone gives.

    Args:
        branches: as `selection_bias_by_branch` gives them.
    """
    biased = branches[
        (branches["bias_difference"] > 0) & (branches["lead"] < branches["bias_difference"])
    ]
    return [
        Finding(
            "D05",
            "warning",
            f"{row.parameter}: the best configuration leads the best with {row.branch} by "
            f"{format_number(row.lead)}, less than the {format_number(row.bias_difference)} that "
            "its branch's larger number of tries gives by selection. No reason to prefer its "
            "branch.",
            str(row.parameter),
        )
        for row in records(biased)
    ]


def elite_findings(choices: pd.DataFrame, screening: Screening) -> list[Finding]:
    """D13: choices on which all elites agree, of a parameter that is not high.

    Args:
        choices: as `elite_choices` gives them.
        screening: of the sweep.
    """
    unanimous = choices[
        (choices["elite_share"] == 1)
        & (choices["elite_rows"] >= _FEWEST_ELITES)
        & (choices["base_share"] < 1)
    ]
    found = []
    for row in records(unanimous):
        test = screening.tests[row.parameter]
        if test.tier == "high":
            continue
        chance = float(hypergeom.sf(row.elites - 1, row.rows, row.n, row.elite_rows))
        text = (
            f"{row.parameter}: all {row.elite_rows} elites have {row.choice}, and so have {row.n} "
            f"of {row.rows} rows. Rows picked at random agree so with chance {format_p(chance)}; "
            f"the parameter is {test.tier} in the screening: {_reason('fix', test.tier)}."
        )
        found.append(Finding("D13", "warning", text, str(row.parameter)))
    return found


def boundary_findings(bounds: pd.DataFrame, screening: Screening) -> list[Finding]:
    """D14: bounds at which elites lie, of a parameter that is not high.

    Args:
        bounds: as `bounds` gives them.
        screening: of the sweep.
    """
    crowded = bounds[(bounds["share"] >= _MOST_AT_BOUND) & (bounds["elite_rows"] >= _FEWEST_ELITES)]
    found = []
    for row in records(crowded):
        test = screening.tests[row.parameter]
        if test.tier == "high":
            continue
        source = "all rows" if row.chance_from == "rows" else f"elites of the {row.chance_from}"
        text = (
            f"{row.parameter}: {row.elites_near} of {row.elite_rows} elites lie at the {row.side} "
            f"bound {row.bound:.4g}, where {row.chance:.2f} of {source} lie; the parameter is "
            f"{test.tier} in the screening: {_reason('expand', test.tier)}."
        )
        found.append(Finding("D14", "warning", text, str(row.parameter)))
    return found


def importance_findings(importances: pd.DataFrame, screening: Screening) -> list[Finding]:
    """D15: importances that random elites reach too, and others of parameters that are open.

    Args:
        importances: as `importances` gives them.
        screening: of the sweep.
    """
    ped = importances[importances["null_high_all"].notna()]
    within = ped["importance"] <= ped["null_high_all"]
    found = []
    if within.any():
        text = (
            f"{within.sum()} of {len(ped)} importances ({ped['evaluator'].iloc[0]}, Optuna "
            f"{ped['optuna'].iloc[0]}) lie within the band of elites picked at random: "
            f"{format_list(list(ped.loc[within, 'parameter']))}. Their order means nothing."
        )
        found.append(Finding("D15", "note", text))
    beyond = [name for name in ped.loc[~within, "parameter"] if name in screening.named("open")]
    if beyond:
        text = (
            f"Beyond that band and yet open in the screening: {format_list(beyond)}. An importance "
            "is no test: it asks for the best rows alone, and an adaptive sampler draws these "
            "together. Nothing is done about them."
        )
        found.append(Finding("D15", "warning", text))
    return found


def _reason(action: str, tier: str) -> str:
    """What a refinement does about a parameter that is not high."""
    if tier == "moderate":
        return f"only an aggressive refinement may {action} it"
    return f"no reason to {action} it"
