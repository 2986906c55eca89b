"""Sweeps whose truth is known: the engine's own asks, answered by a formula with noise.

They show how often a refinement errs on noise, and how often it finds an effect of a given size,
in a given space with a given budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from latentlab.search.parameters import CategoricalParameter
from latentlab.search.proposals import propose
from latentlab.search.settings import SweepSettings
from latentlab.search.space import Configuration
from latentlab.search.suggestion import Result, Suggestion
from latentlab.search.table import Objective, SweepTable

Truth = Callable[[Configuration], float]
"""Expected score of a configuration, in units of the noise's standard deviation."""


def no_effect(configuration: Configuration) -> float:
    """Nothing matters."""
    del configuration
    return 0.0


def simulated_sweep(settings: SweepSettings, truth: Truth, seed: int) -> SweepTable:
    """Run a sweep whose scores are the truth plus a standard normal deviate.

    Args:
        settings: of the sweep; `configurations` says how many.
        truth: expected scores.
        seed: of the noise, and of the sampler.

    Returns:
        The finished sweep, objective `score`, to be maximised.
    """
    settings = settings.model_copy(update={"sampler_seed": seed})
    noise = np.random.default_rng([1, seed])
    known: list[Suggestion] = []
    wanted = settings.configurations or 0
    while len(known) < wanted:
        cohort = known[-1].cohort + 1 if known else 0
        count = min(settings.cohort, wanted - len(known))
        asked = propose(settings, ["maximize"], known, cohort, 0, count)
        if not asked:
            break
        for one in asked:
            score = truth(settings.space.configuration(one.values)) + noise.standard_normal()
            known.append(replace(one, result=Result("complete", (score,))))
    return _table(settings, known)


def _table(settings: SweepSettings, known: list[Suggestion]) -> SweepTable:
    columns: dict[str, Any] = {}
    for name, parameter in settings.space.parameters.items():
        choices = isinstance(parameter, CategoricalParameter)
        values = [one.values.get(name, np.nan) for one in known]
        columns[name] = pd.Series(values, dtype=object if choices else float)
    outcomes = pd.DataFrame(
        {
            "state": "complete",
            "score": [one.result.objectives[0] for one in known if one.result is not None],
            "adaptive": [one.adaptive for one in known],
            "cohort": [one.cohort for one in known],
            "epochs": np.nan,
            "seconds": np.nan,
        }
    )
    return SweepTable(
        "simulated",
        settings.space,
        settings.method,
        (Objective("score", "maximize"),),
        pd.DataFrame(columns),
        outcomes,
        pd.DataFrame(columns=["configuration", "seed", "state", "score"]),
    )
