"""The values of single examples behind the scores that a claim is judged on, and their gates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from latentlab.core.arrays import AnyArray
from latentlab.evidence.samples import ArmScores
from latentlab.evidence.tables import NoVerdict, Tables
from latentlab.statistics.two_way import equal_groups

FEWEST_GROUPS = 2
"""Groups of equal size that a verdict over other groups needs at least."""

_SINGLE_PRECISION = 1e-5
"""Relative difference of a mean and that of its values, which are kept in single precision."""


def example_scores(
    tables: Tables, samples: ArmScores, metric: str, split: str
) -> tuple[ArmScores, AnyArray | None] | None:
    """Return the values of single examples behind the scores of paired arms.

    Args:
        tables: what `tidy` returned.
        samples: their means.
        metric: a metric that is a mean over examples.
        split: which data it was measured on.

    Returns:
        As `samples`, with a row for each seed and example, seed by seed, and the groups of these
        examples, [examples], or None for examples that are each on their own; None in the place of
        both where each seed has examples of its own.

    Raises:
        NoVerdict: they are not kept, are not those that the scores are means of, or are too few.
    """
    keys = ["arm", "seed", "trial_id"]
    ids = {(a, s): str(t) for a, s, t in samples.trials[keys].itertuples(index=False)}
    columns: dict[str, list[AnyArray]] = {}
    for arm in samples.values.columns:
        for seed, mean in samples.values[arm].items():
            kept = tables.examples.of_trial(ids[arm, seed])
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
    groups = tables.examples.groups.get(split)
    members, *others = (~np.isnan(values) for found in columns.values() for values in found)
    alike = all(np.array_equal(members, other) for other in others)
    if not alike or members.sum() < 2 or (groups is not None and groups.shape != members.shape):
        raise NoVerdict("invalid", f"its trials have values of {metric} on unlike examples")
    table = {
        arm: np.concatenate([values[members] for values in found]) for arm, found in columns.items()
    }
    scores = ArmScores(pd.DataFrame(table), samples.trials)
    return scores, None if groups is None else _groups_of(groups[members])


def _groups_of(groups: AnyArray) -> AnyArray | None:
    """Return the groups of the examples that a metric is about; None where each is on its own.

    Raises:
        NoVerdict: nearly all are in one group.
    """
    sizes = np.unique(groups, return_counts=True)[1]
    if sizes.max() == 1:
        return None
    if (equal := equal_groups(sizes)) < FEWEST_GROUPS:
        raise NoVerdict(
            "invalid",
            f"its {len(groups)} examples belong to {len(sizes)} groups, which count for "
            f"{equal:.1f} of equal size; other examples are known from {FEWEST_GROUPS} on",
        )
    return groups


def _values_of(kept: Mapping[str, AnyArray], key: str, trial_id: str, mean: float) -> AnyArray:
    if key not in kept:
        raise NoVerdict("invalid", f"trial {trial_id} has no values of single examples of {key}")
    values = kept[key]
    own = np.nanmean(values, dtype=np.float64)
    if not np.isclose(own, mean, rtol=_SINGLE_PRECISION, atol=1e-9):
        raise NoVerdict(
            "invalid", f"the values of single examples of trial {trial_id} do not give its {key}"
        )
    return values.astype(np.float64)
