"""What the name and the values of a column show about what it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentlab.runs.columns import typed
from latentlab.runs.roles import roles

RNG = np.random.default_rng(0)
FLOATS = list(RNG.uniform(size=24))
FEW = [0.1, 0.5, 1.0] * 8


def role(name: str, values: list[object]) -> str | None:
    """The role of a column beside a parameter that varies."""
    beside = pd.Series(RNG.uniform(size=len(values)))
    return roles(pd.DataFrame({"lr": beside, name: typed(pd.Series(values))})).get(name)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("run_id", list(range(24)), "label"),
        ("Name", ["brisk-otter-1", "calm-fox-2"] * 12, "label"),
        ("git_sha", ["52e6b43", "0c5c7fd", "1234567"] * 8, "label"),
        ("revision", ["52e6b43", "0c5c7fd", "1234567"] * 8, "label"),
        ("fold", [0, 1, 2, 3] * 6, "label"),
        ("data_seed", [0, 1, 2, 3] * 6, "label"),
        ("row", list(range(24)), "label"),
        ("remark", [f"text {k}" for k in range(24)], "label"),
        ("Runtime", FEW, "bookkeeping"),
        ("_step", FEW, "bookkeeping"),
        ("when", ["2026-10-01T10:00:00", "2026-10-02"] * 12, "bookkeeping"),
        ("took", ["1.2min", "3.0s", "0 days 00:00:12.5"] * 8, "bookkeeping"),
        ("fit_time", FLOATS, "bookkeeping"),
        ("train_loss", FEW, "outcome"),
        ("valAcc", FLOATS, "outcome"),
        ("accuracy_class_3", FLOATS, "outcome"),
        ("test/F1", FEW, "outcome"),
        ("best_epoch", [3, 5, 9] * 8, "outcome"),
        ("val_loss", [*FLOATS[:20], "inf", "None", "NaN", ""], "outcome"),
        # Settings, whatever their names remind of.
        ("loss", ["mse", "huber", "mae"] * 8, None),
        ("loss_weight", FLOATS, None),
        ("target_accuracy", FLOATS, None),
        ("precision", [16, 32, 64] * 8, None),
        ("kl_loss", FEW, None),
        ("train_size", FEW, None),
        ("test_split", FLOATS, None),
        ("epochs", [10, 20, 50] * 8, None),
        ("epoch", [10, 20, 50] * 8, None),
        ("warmup_time", FEW, None),
        ("model_name", ["a", "b", "c"] * 8, None),
        ("model_id", ["a", "b", "c"] * 8, None),
        ("use_loss", [True, False, True] * 8, None),
        ("hidden", ["64,32", "128,64", "32"] * 8, None),
        ("optimizer", ["adam", "None", "sgd"] * 8, None),
        ("momentum", FLOATS, None),
        ("clip", [*FLOATS[:20], "None", "None", "None", ""], None),
        ("units", [1000000, 2000000, 4000000] * 8, None),
    ],
)
def test_a_column_beside_a_parameter(name: str, values: list[object], expected: str | None) -> None:
    assert role(name, values) == expected


def test_a_parameter_that_counts_the_rows_is_one_where_nothing_else_varies() -> None:
    assert roles(pd.DataFrame({"depth": np.arange(1.0, 9.0)})) == {}
    assert roles(pd.DataFrame({"backbone": [f"name {k}" for k in range(9)]}, dtype=object)) == {}


def test_seeds_tell_a_measured_column_from_a_searched_one() -> None:
    seeds = np.tile(np.arange(3), 8)
    design = pd.DataFrame({"lr": np.repeat(RNG.uniform(size=8), 3), "gain": FLOATS})
    assert roles(design, seeds) == {"gain": "outcome"}
    # Without a design that is repeated on the seeds it may have been drawn for each run.
    assert roles(design.assign(lr=RNG.uniform(size=24)), seeds) == {}
    assert roles(design, np.arange(24)) == {}
    assert roles(design) == {}
