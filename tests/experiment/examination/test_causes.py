"""From scores of levers to the causes that are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentlab.experiment.examination.causes import (
    CONFIGURED,
    answer,
    claims,
    judged,
    supported,
)
from latentlab.experiment.examination.levers import to

LEVERS = {name: to(f"objective.{name}", 1.0) for name in ("strong", "weak", "idle")}
SEEDS = 5


def verdicts(effects: dict[str, float], rng: np.random.Generator, wakes: float = 2.0):
    """Verdicts where each lever wakes so many units in the mean, with a deviation of 1."""
    rows = []
    for arm in (CONFIGURED, *LEVERS):
        for seed in range(SEEDS):
            value = effects.get(arm, 0.0) + rng.normal() / np.sqrt(2)
            config = {"objective": {name: 1.0 * (name == arm) for name in LEVERS}}
            rows.append((f"{arm} {seed}", arm, seed, config, value))
    table = pd.DataFrame(rows, columns=["trial_id", "arm", "seed", "config", "value"])
    trials = table.assign(status="finished", started_at="2026-01-01T00:00:00+00:00")
    scores = table.assign(split="test", metric="units_on")
    asked = claims("toy", LEVERS, wakes, SEEDS)
    return judged(asked, scores, trials)


def test_causes_stand_by_strength() -> None:
    found = verdicts({"weak": 6.0, "strong": 9.0}, np.random.default_rng(0))
    information = dict.fromkeys((CONFIGURED, *LEVERS), 0.0) | {"weak": 2.0, "strong": 1.0}
    assert supported(found, information) == ["strong", "weak"]
    assert set(found["status"]) == {"exploratory"}


def test_a_lever_under_which_units_say_less_is_no_cause() -> None:
    found = verdicts({"weak": 6.0, "strong": 9.0}, np.random.default_rng(0))
    information = {CONFIGURED: 1.5, "weak": 2.0, "strong": 1.0, "idle": 0.0}
    assert supported(found, information) == ["weak"]


@pytest.mark.parametrize(
    ("collapsed", "causes", "expected"),
    [
        (0, [], "not collapsed"),
        (1, ["kl_weight"], "collapsed"),
        (5, [], "inconclusive"),
    ],
)
def test_the_answer(collapsed: int, causes: list[str], expected: str) -> None:
    assert answer(collapsed, causes) == expected
