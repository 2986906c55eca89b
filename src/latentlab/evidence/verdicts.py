"""From declared hypotheses and tables of trials to one row of verdict each."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from latentlab.evidence.assessment import Assessment, Level
from latentlab.evidence.causes import why_open
from latentlab.evidence.claims.base import Claim
from latentlab.evidence.decisions import decide
from latentlab.evidence.hypotheses import Family, Hypotheses
from latentlab.evidence.samples import NoVerdict, tidy
from latentlab.evidence.standing import JudgeStanding, confirming_command, unregistered
from latentlab.evidence.verdict_columns import VERDICT_COLUMNS
from latentlab.metrics.metric import Metric
from latentlab.statistics.corrections import level_left


def judge(
    scores: pd.DataFrame,
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    trials: pd.DataFrame,
    standing: JudgeStanding = unregistered,
) -> pd.DataFrame:
    """Judge every hypothesis of a study.

    Args:
        scores: columns trial_id, split, metric, value; others are not read. Scores that are
            missing or not finite are dealt with as the hypothesis's `missing` says; a trial that
            diverged but has a finite score counts with it.
        hypotheses: the declarations.
        metrics: name -> metric.
        trials: columns trial_id, arm, seed, status, started_at (ISO 8601, UTC), config (nested
            mapping or its JSON text). Rows that repeat a trial id count once.
        standing: what a verdict may be called, and at which attempt.

    Returns:
        One row per hypothesis, in their order, with the columns of `VERDICT_COLUMNS`.

    Raises:
        UserError: when a table lacks a column or a hypothesis names an unknown family.
    """
    tables = tidy(scores, trials)

    def assess(name: str, level: Level) -> Assessment:
        return hypotheses.hypotheses[name].assess(tables, metrics, level)

    return judge_families(hypotheses, metrics, assess, tables.trials["seed"].max(), standing)


def judge_families(
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    assess: Callable[[str, Level], Assessment],
    last_seed: float,
    standing: JudgeStanding,
) -> pd.DataFrame:
    """Correct every family and decide: what `judge` does once tables are assessed.

    Args:
        hypotheses: the declarations.
        metrics: name -> metric.
        assess: the statistics of a hypothesis at its level; raises `NoVerdict` where there are
            none.
        last_seed: the highest seed that was run; fresh ones lie above it.
        standing: what a verdict may be called, and at which attempt.

    Returns:
        As `judge`.
    """
    rows: dict[str, dict[str, Any]] = {}
    families = {claim.family: hypotheses.family_of(n) for n, claim in hypotheses.hypotheses.items()}
    for family_name in families:
        members = [n for n, c in hypotheses.hypotheses.items() if c.family == family_name]
        rows |= _judge_family(hypotheses, metrics, members, assess, last_seed, standing)
    table = pd.DataFrame(
        [rows[name] for name in hypotheses.hypotheses], columns=list(VERDICT_COLUMNS)
    )
    return table.astype({"n": "Int64", "seeds_needed": "Int64", "attempt": "Int64"})


def _judge_family(
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    members: list[str],
    assess: Callable[[str, Level], Assessment],
    last_seed: float,
    standing: JudgeStanding,
) -> dict[str, dict[str, Any]]:
    family = hypotheses.family_of(members[0])
    allowed = level_left(family.alpha, family.correction, len(members))
    levels = {name: _level(hypotheses.hypotheses[name], family.alpha, allowed) for name in members}
    assessed: dict[str, Assessment | NoVerdict] = {}
    for name in members:
        try:
            assessed[name] = assess(name, levels[name])
        except NoVerdict as gate:
            assessed[name] = gate

    def column(key: str, otherwise: float) -> np.ndarray:
        found = [getattr(assessed[name], key, otherwise) for name in members]
        return np.array(found, dtype=np.float64)

    standings = {
        name: standing(name, None if isinstance(found, NoVerdict) else found.trials)
        for name, found in assessed.items()
    }
    price = np.array([standings[name].price for name in members])
    enough = column("n", 0) >= [levels[name].min_seeds for name in members]
    decision = decide(
        np.minimum(1.0, price * column("p_supported", math.nan))[None],
        np.minimum(1.0, price * column("p_refuted", math.nan))[None],
        alpha=family.alpha,
        correction=family.correction,
        attainable=np.minimum(1.0, price * column("attainable_p", 1.0)),
        enough_seeds=enough,
    )
    rows = {}
    for index, name in enumerate(members):
        claim, found = hypotheses.hypotheses[name], assessed[name]
        row = _declaration(name, claim, family, metrics)
        own = standings[name]
        row |= {
            "status": own.status,
            "status_reason": own.reason,
            "attempt": len(own.earlier) + 1,
            "earlier_verdicts": ", ".join(own.earlier),
        }
        if isinstance(found, NoVerdict):
            row |= {"verdict": found.verdict, "cause": found.cause}
        else:
            row["command"] = confirming_command(hypotheses.study, int(last_seed))
            row |= _statistics(found, levels[name]) | {
                "verdict": str(decision.verdict[0, index]),
                "p_supported_adjusted": float(decision.supported_adjusted[0, index]),
                "p_refuted_adjusted": float(decision.refuted_adjusted[0, index]),
            }
            row |= _answer(claim, found, levels[name], allowed, row)
        rows[name] = row
    return rows


def _answer(
    claim: Claim, assessment: Assessment, level: Level, allowed: float, row: Mapping[str, Any]
) -> dict[str, str]:
    """Say what was found, or why nothing was."""
    if row["verdict"] == "inconclusive":
        most = max(row["p_supported_adjusted"], row["p_refuted_adjusted"])
        contradictory = bool(most <= row["alpha"])
        return {"cause": why_open(assessment, level, allowed, contradictory=contradictory)}
    supported = row["verdict"] == "supported"
    return {"finding": claim.finding(assessment.boundary, row["unit"], supported=supported)}


def _level(claim: Claim, alpha: float, allowed: float) -> Level:
    spent = 2 if claim.sides == "two" else 1
    return Level(
        sides=claim.sides,
        interval=1 - 2 * alpha / spent,
        one_sided=allowed / spent,
        min_seeds=claim.min_seeds,
    )


def _declaration(
    name: str, claim: Claim, family: Family, metrics: Mapping[str, Metric]
) -> dict[str, Any]:
    treatment, control = claim.labels
    row: dict[str, Any] = dict.fromkeys(VERDICT_COLUMNS, math.nan)
    return row | {
        "hypothesis": name,
        "question": claim.question,
        "kind": claim.kind,
        "comparison": claim.comparison,
        "family": claim.family,
        "correction": family.correction,
        "alpha": family.alpha,
        "command": "",
        "metric": claim.metric.name,
        "split": claim.metric.split,
        "better": claim.metric.direction(metrics) or "none",
        "unit": claim.unit(metrics),
        "treatment": treatment,
        "control": control,
        "n": 0,
        "n_unit": claim.n_unit,
        "test": claim.primary_test,
        "sensitivity": "{}",
        "effect_size": "",
        "seeds_needed": pd.NA,
        "finding": "",
        "cause": "",
    }


def _statistics(assessment: Assessment, level: Level) -> dict[str, Any]:
    return {
        "n": assessment.n,
        "estimate": assessment.estimate,
        "effect": assessment.effect,
        "control_mean": assessment.control_mean,
        "treatment_mean": assessment.treatment_mean,
        "boundary": assessment.boundary,
        "interval_low": assessment.interval[0],
        "interval_high": assessment.interval[1],
        "interval_level": level.interval,
        "p_supported": assessment.p_supported,
        "p_refuted": assessment.p_refuted,
        "attainable_p": assessment.attainable_p,
        "test": assessment.test,
        "sensitivity": json.dumps(assessment.sensitivity),
        "effect_size": assessment.effect_size,
        "pairing_correlation": assessment.pairing_correlation,
        "detectable_effect": assessment.detectable_effect,
        "seeds_needed": pd.NA if assessment.seeds_needed is None else assessment.seeds_needed,
    }
