"""Warnings about what a sweep shows: plateaus, lucky winners, small n, and what chance gives."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from latentlab.search.analysis.findings import Finding, listed, p_text, records
from latentlab.search.analysis.observations import Observations
from latentlab.search.analysis.published import textbook_p
from latentlab.search.analysis.significance import FAMILY, HIGH
from latentlab.statistics.corrections import level_left

_TIED_SHARE = 0.2
_FEWEST_TIED = 3
_CONSTANT_SHARE = 0.1
_MOST_AT_BOUND = 0.5
_FEWEST_ELITES = 2


def family_findings(tests: pd.DataFrame) -> list[Finding]:
    """D10 and D02: what the family is, how it came out, and what in it could not come out."""
    members = tests[tests["p"].notna()]
    counts = tests["tier"].value_counts()
    text = (
        f"{len(members)} tests form one family ({FAMILY}): {counts.get('high', 0)} high (below "
        f".05 for the family), {counts.get('moderate', 0)} moderate (BH below .10), "
        f"{counts.get('open', 0)} open."
    )
    found = [Finding("D10", "note", text)]
    # Corrected together on noise, no p is lost to the number of tests.
    if len(members) and members["familywise"].equals(members["holm"]):
        level = level_left(HIGH, "holm", len(members))
        for row in records(members[members["attainable_p"] > level]):
            text = (
                f"{row.parameter}: with its {row.n} rows no p below {p_text(row.attainable_p)} is "
                f"possible, and a family of {len(members)} asks its first for {level:.2g}."
            )
            found.append(Finding("D02", "warning", text, str(row.parameter)))
    untested = tests[tests["p"].isna()]["parameter"]
    if len(untested):
        text = f"Too few rows or a single value, so no test: {listed(list(untested))}."
        found.append(Finding("D03", "note", text))
    return found


def power_findings(directions: pd.DataFrame) -> list[Finding]:
    """D03: correlations that this many rows find in fewer than four of five sweeps."""
    known = directions[directions["rho"].notna() & directions["detectable_rho"].notna()]
    weak = known[known["rho"].abs() < known["detectable_rho"]]
    if weak.empty:
        return []
    least = known["detectable_rho"].min()
    text = (
        f"{len(weak)} of {len(known)} rank correlations are smaller than what their rows find with "
        f"80 % power in a single test at .05 (at best {least:.2f}). That they are open says little."
    )
    return [Finding("D03", "warning", text)]


def conditional_findings(directions: pd.DataFrame, total: int) -> list[Finding]:
    """D11: a conditional parameter's n is not the sweep's, and with it its p is not.

    Args:
        directions: as `directions` gives them.
        total: rows of the sweep.
    """
    found = []
    for row in records(directions[directions["conditional"] & directions["rho"].notna()]):
        text = (
            f"{row.parameter} exists in {row.n} of {total} rows: its n is {row.n}. rho "
            f"{row.rho:.3f} has a textbook p of {p_text(textbook_p(row.rho, row.n))} there; with "
            f"{total} rows it would be {p_text(textbook_p(row.rho, total))}. Rank by p, not by "
            "|rho|."
        )
        found.append(Finding("D11", "warning", text, str(row.parameter)))
    return found


def plateau_findings(rows: Observations) -> list[Finding]:
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
            f"{start} How much of that is luck is unknown: no configuration was trained on two "
            "seeds. Train it anew on fresh seeds before its value is reported."
        )
        return [Finding("D05", "warning", text)]
    lucky = row.expected_gap >= row.gap / 2
    text = (
        f"{start} If nothing but seeds told the rows apart, the best of {row.rows} would lead "
        f"by {row.expected_gap:.3g} (SD over seeds {row.replicate_sd:.3g}, {row.seeds} "
        f"seeds). Fresh seeds are expected to show {row.shrunken_value:.4g}."
    )
    return [Finding("D05", "warning" if lucky else "note", text)]


def elite_findings(choices: pd.DataFrame) -> list[Finding]:
    """D13: choices on which all elites agree, as rows picked at random might.

    Args:
        choices: as `elite_choices` gives them.
    """
    unanimous = choices[
        (choices["elite_share"] == 1)
        & (choices["elite_rows"] >= _FEWEST_ELITES)
        & (choices["base_share"] < 1)
        & (choices["holm"] >= HIGH)
    ]
    return [
        Finding(
            "D13",
            "warning",
            f"{row.parameter}: all {row.elite_rows} elites have {row.choice}, and so have {row.n} "
            f"of {row.rows} rows. Rows picked at random agree so with chance "
            f"{p_text(row.p_more)} (two-sided, Holm: {p_text(row.holm)}): no reason to fix it.",
            str(row.parameter),
        )
        for row in records(unanimous)
    ]


def boundary_findings(bounds: pd.DataFrame) -> list[Finding]:
    """D14: bounds at which elites lie, though chance may have put them there.

    Args:
        bounds: as `boundaries` gives them.
    """
    crowded = bounds[
        (bounds["share"] >= _MOST_AT_BOUND)
        & (bounds["elite_rows"] >= _FEWEST_ELITES)
        & ~(bounds["holm"] < HIGH)
    ]
    found = []
    for row in records(crowded):
        if math.isnan(row.p):
            chance = (
                f"a uniform draw lies there with chance {row.chance_uniform:.2f}, how often this "
                "sampler goes there by itself is unknown"
            )
        else:
            chance = (
                f"chance puts a share of {row.chance:.2f} there (p {p_text(row.p)}, Holm "
                f"{p_text(row.holm)})"
            )
        text = (
            f"{row.parameter}: {row.elites_near} of {row.elite_rows} elites lie at the {row.side} "
            f"bound {row.bound:.4g}; {chance}. No reason to expand it."
        )
        found.append(Finding("D14", "warning", text, str(row.parameter)))
    return found


def importance_findings(importances: pd.DataFrame) -> list[Finding]:
    """D15: importances that random elites reach too.

    Args:
        importances: as `importances` gives them.
    """
    ped = importances[importances["null_high_all"].notna()]
    within = ped[ped["importance"] <= ped["null_high_all"]]
    if within.empty:
        return []
    text = (
        f"{len(within)} of {len(ped)} importances ({ped['evaluator'].iloc[0]}, Optuna "
        f"{ped['optuna'].iloc[0]}) lie within the band of elites picked at random: "
        f"{listed(list(within['parameter']))}. Their order means nothing."
    )
    return [Finding("D15", "warning", text)]
