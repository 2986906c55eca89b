"""From declared hypotheses and tables of trials to one row of verdict each."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from latentlab.evidence import reasons
from latentlab.evidence.assessing import assess_claim
from latentlab.evidence.assessments import Assessment, Level
from latentlab.evidence.checks import better_direction
from latentlab.evidence.claims import Claim, LocationClaim
from latentlab.evidence.decisions import Sides, decide
from latentlab.evidence.freeze import Freeze, confirming_command, why_exploratory
from latentlab.evidence.hypotheses import Hypotheses
from latentlab.evidence.samples import NoVerdict, tidy
from latentlab.evidence.verdict_columns import VERDICT_COLUMNS
from latentlab.metrics.metric import Metric
from latentlab.statistics.corrections import level_left


def judge(
    scores: pd.DataFrame,
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    trials: pd.DataFrame,
    freeze: Freeze | None = None,
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
        freeze: when the hypotheses were frozen; without it every verdict is exploratory.

    Returns:
        One row per hypothesis, in their order, with the columns of `VERDICT_COLUMNS`.

    Raises:
        UserError: when a table lacks a column or a hypothesis names an unknown family.
    """
    tables = tidy(scores, trials)

    def assess(name: str, level: Level) -> Assessment:
        return assess_claim(tables, hypotheses, metrics, name, level)

    return judge_families(hypotheses, metrics, assess, tables.trials["seed"].max(), freeze)


def judge_families(
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    assess: Callable[[str, Level], Assessment],
    last_seed: float,
    freeze: Freeze | None,
) -> pd.DataFrame:
    """Correct every family, decide, and say so: what `judge` does once tables are assessed.

    Args:
        hypotheses: the declarations.
        metrics: name -> metric.
        assess: the statistics of a hypothesis at its level; raises `NoVerdict` where there are
            none.
        last_seed: the highest seed that was run; fresh ones lie above it.
        freeze: when the hypotheses were frozen.

    Returns:
        As `judge`.
    """
    rows: dict[str, dict[str, Any]] = {}
    families = {claim.family: hypotheses.family_of(n) for n, claim in hypotheses.hypotheses.items()}
    for family_name in families:
        members = [n for n, c in hypotheses.hypotheses.items() if c.family == family_name]
        rows |= _judge_family(hypotheses, metrics, members, assess, last_seed, freeze)
    table = pd.DataFrame(
        [rows[name] for name in hypotheses.hypotheses], columns=list(VERDICT_COLUMNS)
    )
    return table.astype({"n": "Int64", "seeds_needed": "Int64"})


def _judge_family(
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    members: list[str],
    assess: Callable[[str, Level], Assessment],
    last_seed: float,
    freeze: Freeze | None,
) -> dict[str, dict[str, Any]]:
    family = hypotheses.family_of(members[0])
    allowed = level_left(family.alpha, family.correction, len(members))
    levels = {name: _level(hypotheses, name, family.alpha, allowed) for name in members}
    assessed: dict[str, Assessment | NoVerdict] = {}
    for name in members:
        try:
            assessed[name] = assess(name, levels[name])
        except NoVerdict as gate:
            assessed[name] = gate

    def column(key: str, otherwise: float) -> np.ndarray:
        found = [getattr(assessed[name], key, otherwise) for name in members]
        return np.array(found, dtype=np.float64)

    enough = column("n", 0) >= [levels[name].min_seeds for name in members]
    decision = decide(
        column("p_supported", math.nan)[None],
        column("p_refuted", math.nan)[None],
        alpha=family.alpha,
        correction=family.correction,
        attainable=column("attainable_p", 1.0),
        enough_seeds=enough,
    )
    rows = {}
    for index, name in enumerate(members):
        found = assessed[name]
        row = _declaration(hypotheses, metrics, name)
        if isinstance(found, NoVerdict):
            row |= {"verdict": found.verdict, "reason": found.reason}
            row["status"], _ = _status(hypotheses, name, None, freeze)
        else:
            row |= _statistics(found, levels[name])
            row["verdict"] = str(decision.verdict[0, index])
            row["p_supported_adjusted"] = float(decision.supported_adjusted[0, index])
            row["p_refuted_adjusted"] = float(decision.refuted_adjusted[0, index])
            row["status"], why = _status(hypotheses, name, found.trials, freeze)
            row["reason"] = _sentence(
                hypotheses, metrics, row, assessment=found, level=levels[name], allowed=allowed
            )
            if why is not None:
                command = confirming_command(hypotheses.study, int(last_seed))
                row["reason"] += (
                    f"; exploratory because {why}: to confirm, freeze it as confirmatory and run "
                    f"it on fresh seeds with `{command}`"
                )
        rows[name] = row
    return rows


def _sentence(
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    row: Mapping[str, Any],
    *,
    assessment: Assessment,
    level: Level,
    allowed: float,
) -> str:
    claim = hypotheses.hypotheses[row["hypothesis"]]
    unit = _unit(claim, metrics)
    supported, refuted = row["p_supported_adjusted"], row["p_refuted_adjusted"]
    if row["verdict"] == "inconclusive":
        contradictory = max(supported, refuted) <= row["alpha"]
        return reasons.open_question(
            assessment,
            level,
            unit,
            cause=reasons.why_open(assessment, level, allowed, contradictory=contradictory),
            equivalence=isinstance(claim, LocationClaim) and claim.comparison == "equivalence",
        )
    shown = row["verdict"] == "supported"
    p = supported if shown else refuted
    return reasons.decided(claim, assessment, level, unit, supported=shown, p=p)


def _level(hypotheses: Hypotheses, name: str, alpha: float, allowed: float) -> Level:
    claim = hypotheses.hypotheses[name]
    sides: Sides = claim.test.sides
    spent = 2 if sides == "two" else 1
    return Level(
        sides=sides,
        interval=1 - 2 * alpha / spent,
        one_sided=allowed / spent,
        min_seeds=hypotheses.min_seeds(name),
    )


def _status(
    hypotheses: Hypotheses, name: str, trials: pd.DataFrame | None, freeze: Freeze | None
) -> tuple[str, str | None]:
    started = []
    if trials is not None:
        started = [None if pd.isna(t) else t.to_pydatetime() for t in trials["started_at"]]
    why = why_exploratory(hypotheses, name, started, freeze)
    return ("confirmatory" if why is None else "exploratory"), why


def _unit(claim: Claim, metrics: Mapping[str, Metric]) -> str:
    if not isinstance(claim, LocationClaim):
        return "(rank correlation)"
    return metrics[claim.metric.name].unit if claim.metric.name in metrics else ""


def _declaration(
    hypotheses: Hypotheses, metrics: Mapping[str, Metric], name: str
) -> dict[str, Any]:
    claim = hypotheses.hypotheses[name]
    family = hypotheses.family_of(name)
    arms = list(claim.arm_names().values())
    row: dict[str, Any] = dict.fromkeys(VERDICT_COLUMNS, math.nan)
    return row | {
        "hypothesis": name,
        "question": claim.question,
        "kind": claim.kind,
        "family": claim.family,
        "correction": family.correction,
        "alpha": family.alpha,
        "scope": "seeds",
        "metric": claim.metric.name,
        "split": claim.metric.split,
        "better": better_direction(claim.metric, metrics) or "none",
        "treatment": arms[0] if len(arms) == 2 else ", ".join(arms),
        "control": arms[1] if len(arms) == 2 else "",
        "n": 0,
        "test": "permutation" if not isinstance(claim, LocationClaim) else claim.test.primary,
        "sensitivity": "{}",
        "effect_size": "",
        "seeds_needed": pd.NA,
    }


def _statistics(assessment: Assessment, level: Level) -> dict[str, Any]:
    return {
        "treatment": assessment.treatment,
        "control": assessment.control,
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
