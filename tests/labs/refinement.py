"""Sweeps made by hand, for the tests of refinements."""

import numpy as np
import pandas as pd

from latentlab.search.matrix import sweep_matrix
from latentlab.search.refine import refine
from latentlab.search.sampling import random_values
from latentlab.search.screening import screen
from latentlab.search.settings import SweepSettings
from latentlab.search.space import Space
from latentlab.search.table import Objective, SweepTable

PARAMETERS = {
    "encoder": {"type": "categorical", "choices": ["cnn", "context"]},
    "depth": {"type": "int", "low": 2, "high": 6, "when": {"encoder": "cnn"}},
    "learning_rate": {"type": "float", "low": 5e-5, "high": 1e-2, "log": True},
    "label_smoothing": {"type": "float", "low": 0.0, "high": 0.2},
    "width": {"type": "float", "low": 0.5, "high": 3.0},
    "use_scheduler": {"type": "categorical", "choices": [False, True]},
}


def settings(method="random", configurations=20, parameters=None, **others):
    return SweepSettings.model_validate(
        {
            "method": method,
            "configurations": configurations,
            "parameters": parameters or PARAMETERS,
            **others,
        }
    )


def table_of(parameters, rows, scores, sampler="random", direction="maximize", **outcomes):
    """A table from rows of values; a parameter that a row lacks is missing in it."""
    space = parameters if isinstance(parameters, Space) else Space(parameters=parameters)
    columns = {
        name: pd.Series(
            [row.get(name, np.nan) for row in rows],
            dtype=object if p.type == "categorical" else float,
        )
        for name, p in space.parameters.items()
    }
    frame = {
        "state": ["complete"] * len(rows),
        "score": scores,
        "adaptive": [False] * len(rows),
        "cohort": [0] * len(rows),
        "epochs": np.nan,
        "seconds": np.nan,
    }
    return SweepTable(
        "by_hand",
        space,
        sampler,
        (Objective("score", direction),),
        pd.DataFrame(columns),
        pd.DataFrame(frame | outcomes),
        pd.DataFrame(columns=["configuration", "seed", "state", "score"]),
    )


def random_table(parameters, truth, n=60, seed=0, noise=1.0, **others):
    """A random search of a formula with noise."""
    space = Space(parameters=parameters)
    rows = [random_values(space, seed, number) for number in range(n)]
    errors = noise * np.random.default_rng([5, seed]).standard_normal(n)
    return table_of(space, rows, [truth(row) for row in rows] + errors, **others)


def refined_table(table, mode, null=None, **others):
    """The refinement of a sweep, from its table."""
    return refine(screen(sweep_matrix(table), null), mode, **others)
