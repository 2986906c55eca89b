"""From declared hypotheses and tables of trials to one row of verdict each."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from latentlab.evidence.assessment import Assessment, Level
from latentlab.evidence.causes import why_open
from latentlab.evidence.claims.base import Claim
from latentlab.evidence.hypotheses import Family, Hypotheses
from latentlab.evidence.look_columns import columns_of_looks
from latentlab.evidence.looks import Evidence, Rule, conditional_power, decide_at_looks
from latentlab.evidence.standing import (
    JudgeStanding,
    Standing,
    confirming_command,
    unregistered,
)
from latentlab.evidence.tables import NO_EXAMPLES, Examples, NoVerdict, Tables, at_looks, tidy
from latentlab.evidence.verdict_columns import VERDICT_COLUMNS
from latentlab.metrics.metric import Metric
from latentlab.statistics.corrections import level_left
from latentlab.statistics.sequential import FixedDesign

Assess = Callable[[str, Level], Assessment]
"""Returns the statistics of a hypothesis at its level; raises `NoVerdict` where there are none."""

_WHOLE_NUMBERS = (
    *("n", "examples", "example_groups", "seeds_likely", "seeds_needed"),
    *("look", "looks", "seeds_saved"),
)


def judge(
    scores: pd.DataFrame,
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    trials: pd.DataFrame,
    standing: JudgeStanding = unregistered,
    examples: Examples = NO_EXAMPLES,
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
        examples: values of single examples, for claims that generalise to other examples.

    Returns:
        One row per hypothesis, in their order, with the columns of `VERDICT_COLUMNS`.

    Raises:
        UserError: when a table lacks a column or a hypothesis names an unknown family.
    """
    tables = tidy(scores, trials, examples)
    stopping = hypotheses.stopping

    def assess(at: Tables, name: str, level: Level) -> Assessment:
        return hypotheses.hypotheses[name].assess(at, metrics, level)

    def too_early(name: str, level: Level) -> Assessment:
        assert stopping is not None
        raise NoVerdict("not_run", f"the first look is at {stopping.looks[0]} seeds: run them")

    stages = [tables] if stopping is None else at_looks(tables, stopping.looks)
    looks: list[Assess] = [functools.partial(assess, stage) for stage in stages]
    looks = looks or [too_early]
    return judge_families(hypotheses, metrics, looks, tables.trials["seed"].unique(), standing)


def judge_families(
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    assess: Sequence[Assess],
    seeds: Iterable[int],
    standing: JudgeStanding,
) -> pd.DataFrame:
    """Correct every family and decide: what `judge` does once tables are assessed.

    Args:
        hypotheses: the declarations.
        metrics: name -> metric.
        assess: for each look so far, the statistics of a hypothesis at its level; raises
            `NoVerdict` where there are none.
        seeds: that were run; fresh ones lie above them.
        standing: what a verdict may be called, and at which attempt.

    Returns:
        As `judge`.
    """
    rows: dict[str, dict[str, Any]] = {}
    families = {claim.family: hypotheses.family_of(n) for n, claim in hypotheses.hypotheses.items()}
    for family_name in families:
        members = [n for n, c in hypotheses.hypotheses.items() if c.family == family_name]
        rows |= _judge_family(hypotheses, metrics, members, assess, seeds, standing)
    table = pd.DataFrame(
        [rows[name] for name in hypotheses.hypotheses], columns=list(VERDICT_COLUMNS)
    )
    return table.astype(dict.fromkeys(_WHOLE_NUMBERS, "Int64"))


def _judge_family(
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    members: list[str],
    assess: Sequence[Assess],
    seeds: Iterable[int],
    standing: JudgeStanding,
) -> dict[str, dict[str, Any]]:
    family, stopping = hypotheses.family_of(members[0]), hypotheses.stopping
    rule: Rule = FixedDesign() if stopping is None else stopping.rule
    claims = [hypotheses.hypotheses[name] for name in members]
    alpha, correction = family.alpha, family.correction
    allowed = level_left(alpha, correction, len(members))
    levels = [
        [level_of(claim, alpha, allowed, rule, look) for claim in claims]
        for look in range(len(assess))
    ]
    assessed = [
        [_assessed(one, name, level) for name, level in zip(members, own, strict=True)]
        for one, own in zip(assess, levels, strict=True)
    ]
    # What was seen last is what was used; a claim that was decided before used a part of it.
    standings = [
        standing(name, None if isinstance(found, NoVerdict) else found.trials)
        for name, found in zip(members, assessed[-1], strict=True)
    ]
    evidence = _evidence(claims, assessed, standings)
    decision = decide_at_looks(evidence, rule, alpha=alpha, correction=correction)
    chances = conditional_power(decision, evidence, rule, alpha=alpha, correction=correction)
    rows = {}
    for index, (name, claim) in enumerate(zip(members, claims, strict=True)):
        look = int(decision.look[0, index])
        found, level = assessed[look][index], levels[look][index]
        row = _declaration(name, claim, family, metrics)
        own = standings[index]
        row |= {
            "status": own.status,
            "status_reason": own.reason,
            "attempt": len(own.earlier) + 1,
            "earlier_verdicts": ", ".join(own.earlier),
            "asked_otherwise": ", ".join(own.otherwise),
        }
        if isinstance(found, NoVerdict):
            row |= {"verdict": found.verdict, "cause": found.cause}
        else:
            row |= _statistics(found, level) | {
                "verdict": str(decision.verdict[0, index]),
                # The correction counts a p-value that is undefined as 1: it stays none.
                **{
                    f"p_{side}_adjusted": math.nan if math.isnan(p) else float(adjusted[0, index])
                    for side, p, adjusted in (
                        ("supported", found.p_supported, decision.supported_adjusted),
                        ("refuted", found.p_refuted, decision.refuted_adjusted),
                    )
                },
            }
            row |= _answer(claim, found, level, row)
            fewest = stopping.looks[-1] if stopping else _worth_running(row, found)
            row["command"] = confirming_command(hypotheses.study, seeds, fewest)
            if stopping is not None:
                # Attempts before this one left less to every look.
                left = allowed / own.price
                row |= columns_of_looks(
                    row, look, stopping, claim.tails, left, float(chances[0, index])
                )
        rows[name] = row
    return rows


def _worth_running(row: Mapping[str, Any], found: Assessment) -> int:
    """Return the seeds that an open question needs by its upper plan; 0 where that says nothing."""
    planned = row["verdict"] == "inconclusive" and row["n_unit"] == "seed"
    return found.seeds_needed.upper if planned and found.seeds_needed else 0


def _assessed(assess: Assess, name: str, level: Level) -> Assessment | NoVerdict:
    try:
        return assess(name, level)
    except NoVerdict as gate:
        return gate


def _evidence(
    claims: Sequence[Claim],
    assessed: Sequence[Sequence[Assessment | NoVerdict]],
    standings: Sequence[Standing],
) -> Evidence:
    """Return the p-values of one study's family at every look."""

    def column(key: str, otherwise: float) -> np.ndarray:
        found = [[getattr(one, key, otherwise) for one in stage] for stage in assessed]
        return np.array(found, dtype=np.float64)

    return Evidence(
        supported=column("p_supported", math.nan)[:, None],
        refuted=column("p_refuted", math.nan)[:, None],
        attainable=column("attainable_p", 1.0),
        enough_seeds=column("n", 0) >= [claim.min_seeds for claim in claims],
        tails=np.array([claim.tails for claim in claims], dtype=np.float64).T,
        price=np.array([standing.price for standing in standings]),
    )


def _answer(
    claim: Claim, assessment: Assessment, level: Level, row: Mapping[str, Any]
) -> dict[str, str]:
    """Say what was found, or why nothing was."""
    if row["verdict"] == "inconclusive":
        most = max(row["p_supported_adjusted"], row["p_refuted_adjusted"])
        contradictory = bool(most <= row["alpha"])
        return {"cause": why_open(assessment, level, contradictory=contradictory)}
    supported = row["verdict"] == "supported"
    return {"finding": claim.finding(assessment.boundary, row["unit"], supported=supported)}


def level_of(claim: Claim, alpha: float, allowed: float, rule: Rule, look: int) -> Level:
    """Return the levels of a claim at a look.

    Args:
        claim: of the family.
        alpha: level of the family.
        allowed: what its correction leaves to a member, from `level_left`.
        rule: the levels of the looks.
        look: counted from 0.
    """
    spent = claim.tails[0]
    return Level(
        sides=claim.sides,
        interval=1 - 2 * rule.level(alpha / spent, look),
        one_sided=rule.level(allowed / spent, look),
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
        "n_unit": claim.n_unit,
        "generalises_to": ", ".join(claim.population),
        "test": claim.primary_test,
        "sensitivity": "{}",
        "contrasts": "{}",
        "effect_size": "",
        **dict.fromkeys(_WHOLE_NUMBERS, pd.NA),
        "n": 0,
        "finding": "",
        "cause": "",
    }


def _statistics(assessment: Assessment, level: Level) -> dict[str, Any]:
    needed = assessment.seeds_needed
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
        "contrasts": json.dumps({name: vars(one) for name, one in assessment.contrasts.items()}),
        "skewed_p_refuted": assessment.skewed_p_refuted,
        "skewness": assessment.skewness,
        "skewness_p": assessment.skewness_p,
        "effect_size": assessment.effect_size,
        "pairing_correlation": assessment.pairing_correlation,
        "detectable_effect": assessment.detectable_effect,
        "seeds_likely": pd.NA if needed is None else needed.likely,
        "seeds_needed": pd.NA if needed is None else needed.upper,
        "examples": pd.NA if assessment.examples is None else assessment.examples,
        "example_groups": pd.NA if assessment.groups is None else assessment.groups,
        "examples_share": assessment.examples_share,
        "narrowest": assessment.narrowest,
    }
