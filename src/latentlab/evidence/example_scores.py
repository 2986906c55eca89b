"""The values of single examples behind the scores that a claim is judged on, and their gates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from latentlab.core.arrays import AnyArray
from latentlab.evidence.samples import ArmScores
from latentlab.evidence.tables import NoVerdict, Tables

_SINGLE_PRECISION = 1e-5
"""Relative difference of a mean and that of its values, which are kept in single precision."""


def example_scores(tables: Tables, samples: ArmScores, metric: str, split: str) -> ArmScores | None:
    """Return the values of single examples behind the scores of paired arms.

    Args:
        tables: what `tidy` returned.
        samples: their means.
        metric: a metric that is a mean over examples.
        split: which data it was measured on.

    Returns:
        As `samples`, with a row for each seed and example, seed by seed; None where each seed has
        examples of its own.

    Raises:
        NoVerdict: they are not kept, or are not those that the scores are means of.
    """
    keys = ["arm", "seed", "trial_id"]
    ids = {(a, s): str(t) for a, s, t in samples.trials[keys].itertuples(index=False)}
    columns: dict[str, list[AnyArray]] = {}
    for arm in samples.values.columns:
        for seed, mean in samples.values[arm].items():
            kept = tables.examples(ids[arm, seed])
            if kept is None:
                raise NoVerdict(
                    "invalid",
                    f"no values of single examples are kept (first: {arm} seed {seed}); the stage "
                    "evaluation keeps them, of trained arms",
                )
            if not any(key.startswith(f"{split}/") for key in kept):
                return None
            values = _values_of(kept, f"{split}/{metric}", ids[arm, seed], mean)
            columns.setdefault(arm, []).append(values)
    counts = {len(values) for found in columns.values() for values in found}
    if len(counts) > 1 or min(counts) < 2:
        raise NoVerdict("invalid", f"its trials have values of {metric} on unlike examples")
    table = {arm: np.concatenate(found) for arm, found in columns.items()}
    return ArmScores(pd.DataFrame(table), samples.trials)


def _values_of(kept: Mapping[str, AnyArray], key: str, trial_id: str, mean: float) -> AnyArray:
    if key not in kept:
        raise NoVerdict("invalid", f"trial {trial_id} has no values of single examples of {key}")
    values = kept[key]
    if not np.isclose(values.mean(dtype=np.float64), mean, rtol=_SINGLE_PRECISION, atol=1e-9):
        raise NoVerdict(
            "invalid", f"the values of single examples of trial {trial_id} do not give its {key}"
        )
    return values.astype(np.float64)
