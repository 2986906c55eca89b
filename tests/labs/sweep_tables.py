"""Finished sweeps for tests: built from columns, drawn at random, or with the report's facts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from latentlab.search.sampling import random_values
from latentlab.search.space import Space
from latentlab.search.table import Objective, SweepTable, typed_parameters

MIXED: dict[str, Any] = {
    "rate": {"type": "float", "low": 1e-5, "high": 1e-2, "log": True},
    "width": {"type": "float", "low": 0.5, "high": 3.0},
    "depth": {"type": "int", "low": 2, "high": 6},
    "batch": {"type": "categorical", "choices": [8, 16, 32, 64], "ordered": True},
    "scheduler": {"type": "categorical", "choices": [True, False]},
    "pooling": {"type": "categorical", "choices": ["mean", "max", "last"]},
}


def sweep_table(
    parameters: dict[str, Any],
    rows: list[dict[str, Any]],
    values: Any,
    *,
    direction: Any = "maximize",
    sampler: str = "random",
    fixed: dict[str, Any] | None = None,
    constant: float | None = None,
    adaptive: Any = False,
    state: Any = "complete",
    replicates: pd.DataFrame | None = None,
    **outcomes: Any,
) -> SweepTable:
    """A sweep from the values of its configurations; `score` is the objective."""
    space = Space(parameters=parameters, fixed=fixed or {})
    typed = typed_parameters(space, dict(enumerate(rows)))
    frame = pd.DataFrame(
        {
            "state": state,
            "score": np.asarray(values, dtype=float),
            "adaptive": adaptive,
            "cohort": np.arange(len(rows)) // 8,
            "epochs": 8.0,
            "seconds": 2.0,
            **outcomes,
        },
        index=typed.index,
    )
    return SweepTable(
        "test",
        space,
        sampler,
        (Objective("score", direction, constant),),
        typed,
        frame,
        pd.DataFrame() if replicates is None else replicates,
    )


def random_rows(parameters: dict[str, Any], count: int, seed: int) -> list[dict[str, Any]]:
    """Configurations as random search asks for them."""
    space = Space(parameters=parameters)
    return [random_values(space, seed, number) for number in range(count)]


def noise_table(count: int, seed: int, parameters: dict[str, Any] | None = None) -> SweepTable:
    """A random search in which no parameter matters."""
    parameters = parameters or MIXED
    values = np.random.default_rng([seed, 1]).normal(size=count)
    return sweep_table(parameters, random_rows(parameters, count, seed), values)


CONDITIONAL: dict[str, Any] = {
    "encoder": {"type": "categorical", "choices": ["cnn", "context"]},
    "rate": {"type": "float", "low": 5e-5, "high": 1e-2, "log": True},
    "smoothing": {"type": "float", "low": 0.0, "high": 0.2},
    "depth": {"type": "int", "low": 2, "high": 6, "when": {"encoder": "cnn"}},
    "coordinates": {"type": "categorical", "choices": [True, False], "when": {"encoder": "cnn"}},
    "dropout": {"type": "float", "low": 0.0, "high": 0.3, "when": {"encoder": "context"}},
}

PRUNING: dict[str, Any] = {
    "fixed": {"latent_dim": 250},
    "parameters": {
        "pruning": {"type": "categorical", "choices": ["plummet", "lognorm"]},
        "threshold": {
            "type": "categorical",
            "choices": [0.005, 0.01, 0.02, 0.05, 0.1, 0.2],
            "when": {"pruning": "plummet"},
        },
        "alpha": {
            "type": "categorical",
            "choices": [0.0, 0.1, 0.2, 0.3, 0.5],
            "when": {"pruning": "lognorm"},
        },
        "percentile": {
            "type": "categorical",
            "choices": [0.01, 0.02, 0.05, 0.1, 0.15, 0.2],
            "when": {"pruning": "lognorm"},
        },
        "spectral": {"type": "categorical", "choices": [False, True]},
    },
}
"""Two strategies with 6 and 30 cells, and a switch."""


def published_facts() -> SweepTable:
    """Twenty rows with what is known of the published sweep.

    Fifteen rows of one encoder and five of the other, eleven at the score of the constant
    predictor, the five best all of the first encoder, ten rows asked for because of earlier ones.
    """
    rng = np.random.default_rng(20)
    rows = []
    for number in range(20):
        cnn = number % 4 != 3
        row: dict[str, Any] = {
            "encoder": "cnn" if cnn else "context",
            "rate": float(np.exp(rng.uniform(np.log(5e-5), np.log(1e-2)))),
            "smoothing": float(rng.uniform(0, 0.2)),
        }
        if cnn:
            row |= {"depth": int(rng.integers(2, 7)), "coordinates": bool(number % 2)}
        else:
            row["dropout"] = float(rng.uniform(0, 0.3))
        rows.append(row)
    best = [2, 5, 9, 14, 16]
    worse = [3, 7, 12, 18]
    values = np.full(20, 0.2625)
    values[best] = [0.3625, 0.35, 0.3125, 0.3, 0.2875]
    values[worse] = [0.25, 0.2375, 0.225, 0.1625]
    adaptive = np.arange(20) >= 10
    return sweep_table(CONDITIONAL, rows, values, sampler="tpe", constant=0.2625, adaptive=adaptive)
