"""Predicted gains beside measured ones: each recommendation alone, then all together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from latentlab.experiment.advice import Advice
from latentlab.metrics.metric import Metric
from latentlab.studies.anchored_multimodal_advice.plan import Comparison, Plan, aim_of, words

COLUMNS = (
    "measured",
    "advice",
    "change",
    "metric",
    "predicted_low",
    "predicted_high",
    "effect",
    "low",
    "high",
    "level",
    "seeds",
    "verdict",
    "remark",
)
ALONE, ALL = "alone", "together"


def gains(plan: Plan, verdicts: pd.DataFrame, metrics: Mapping[str, Metric]) -> pd.DataFrame:
    """One row per prediction and per recommendation that changes something, then all together.

    Args:
        plan: the arms and what they are compared with.
        verdicts: one row per hypothesis; those of the plan have the name of their arm.
        metrics: say how much room there is above a control.

    Returns:
        Columns `COLUMNS`. `effect` is the mean paired difference, positive is better, in the
        metric's units; `low` and `high` its unadjusted interval of coverage `level`. The predicted
        range of all together is the sum of the predictions for the same metric: the report states
        none. `remark` says why nothing was measured, or how both compare.
    """
    judged: dict[str, Mapping[Any, Any]] = {
        row["hypothesis"]: row for row in verdicts.to_dict("records")
    }
    compared = {one.arm: one for one in plan.comparisons()}
    rows = []
    for advice in plan.advice:
        one = compared.get(advice.rule.name)
        if one is not None:
            rows.append(_alone(advice, one, judged.get(one.arm, {}), metrics))
        elif advice.rule.prediction is not None:
            rows.append(_not_measured(advice))
    alone = pd.DataFrame(rows, columns=list(COLUMNS))
    together = [
        _together(one, alone, judged.get(one.arm, {}), metrics)
        for one in compared.values()
        if one.advice is None
    ]
    return pd.DataFrame([*rows, *together], columns=list(COLUMNS))


def gains_text(table: pd.DataFrame) -> pd.DataFrame:
    """The table for people: ranges and intervals as text, grouped by its first column."""
    return pd.DataFrame(
        {
            "measured": table["measured"],
            "advice": table["advice"],
            "change": table["change"].where(table["measured"] == ALONE, "all that apply"),
            "metric": table["metric"].str.replace("_", " "),
            "predicted": [
                _range(low, high)
                for low, high in zip(table["predicted_low"], table["predicted_high"], strict=True)
            ],
            "effect": [
                f"{row['effect']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
                if math.isfinite(row["effect"])
                else "-"
                for row in table.to_dict("records")
            ],
            "verdict": [str(verdict).replace("_", " ") for verdict in table["verdict"]],
            "remark": table["remark"],
        }
    )


def _range(low: float, high: float) -> str:
    return f"{low:+.2f} to {high:+.2f}" if math.isfinite(low) else "none stated"


def _alone(
    advice: Advice, one: Comparison, verdict: Mapping[Any, Any], metrics: Mapping[str, Metric]
) -> dict[str, Any]:
    prediction = advice.rule.prediction
    row = _row(ALONE, advice.rule.title, one, advice.rule.metric, verdict)
    if prediction is not None:
        row |= {"predicted_low": prediction.low, "predicted_high": prediction.high}
    return row | {"remark": _remark(row, verdict, metrics)}


def _not_measured(advice: Advice) -> dict[str, Any]:
    prediction = advice.rule.prediction
    assert prediction is not None
    return dict.fromkeys(COLUMNS, math.nan) | {
        "measured": ALONE,
        "advice": advice.rule.title,
        "change": "none",
        "metric": prediction.metric,
        "predicted_low": prediction.low,
        "predicted_high": prediction.high,
        "verdict": "not_run",
        "remark": f"not measured: {advice.reason_not_measured}",
    }


def _together(
    one: Comparison,
    alone: pd.DataFrame,
    verdict: Mapping[Any, Any],
    metrics: Mapping[str, Metric],
) -> dict[str, Any]:
    metric = aim_of(one.arm)
    same = alone[(alone["metric"] == metric) & (alone["change"] != "none")]
    row = _row(ALL, f"All against {one.control}", one, metric, verdict)
    predicted = same.dropna(subset="predicted_low")
    if len(predicted):
        row["predicted_low"] = predicted["predicted_low"].sum()
        row["predicted_high"] = predicted["predicted_high"].sum()
    remark = _remark(row, verdict, metrics)
    if len(predicted):
        remark += "; predicted: the sum of those alone"
    if len(same) > 1 and same["effect"].notna().all():
        remark += f"; alone they add up to {same['effect'].sum():+.3f}"
    return row | {"remark": remark}


def _row(
    part: str, title: str, one: Comparison, metric: str, verdict: Mapping[Any, Any]
) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS, math.nan) | {
        "measured": part,
        "advice": title,
        "change": words(one.changes),
        "metric": metric,
        "effect": verdict.get("effect", math.nan),
        "low": verdict.get("interval_low", math.nan),
        "high": verdict.get("interval_high", math.nan),
        "level": verdict.get("interval_level", math.nan),
        "seeds": verdict.get("n", 0),
        "verdict": verdict.get("verdict", "not_run"),
    }


def _remark(
    row: Mapping[str, Any], verdict: Mapping[Any, Any], metrics: Mapping[str, Metric]
) -> str:
    if not math.isfinite(row["effect"]):
        return f"not measured: {verdict.get('cause', 'its arm was removed')}"
    low, high = row["predicted_low"], row["predicted_high"]
    if not math.isfinite(low):
        if row["low"] > 0 or row["high"] < 0:
            return f"interval {'above' if row['low'] > 0 else 'below'} 0"
        return "interval holds 0"
    if row["high"] < low:
        said = "interval below the predicted range"
    elif row["low"] > high:
        said = "interval above the predicted range"
    else:
        said = "interval reaches the predicted range"
    room = metrics[row["metric"]].high - float(verdict["control_mean"])
    if room < low:
        said += f"; {verdict['control']} leaves room for {room:+.3f} only"
    return said
