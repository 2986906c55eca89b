"""Scores of trained trials: one tidy table, from which everything after is a pure function.

What was measured once is kept: a run in which everything is known evaluates nothing again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from latentlab.compute.config import ComputeConfig
from latentlab.data import Prepared
from latentlab.evidence.tables import NO_EXAMPLES, Examples
from latentlab.experiment.measurements import kept_values, load_arrays
from latentlab.experiment.same_data import require_same_data
from latentlab.experiment.scoring_jobs import compute_missing
from latentlab.experiment.study import Study
from latentlab.experiment.trial_scores import (
    EXAMPLES,
    FORM,
    SCORES,
    Splits,
    computed_scores,
    example_values,
    identity_of,
    known_or_computed,
)
from latentlab.training.store import TrialStore
from latentlab.training.trial_files import PROGRAM, lost, require_whole, written_scores

SCORE_COLUMNS = ["trial_id", "arm", "seed", "split", "metric", "value"]


def score_trials(
    study: Study,
    trials: pd.DataFrame,
    prepared: Prepared,
    store: TrialStore,
    device: torch.device,
    wanted: Collection[str] = ("validation", "test"),
    anew: bool = False,
    with_examples: bool = False,
    compute: ComputeConfig | None = None,
) -> pd.DataFrame:
    """Return scores of every trial that did not diverge, on its validation and on the test split.

    Scores are computed once and kept beside the trial's weights, in `scores.json`, until the
    weights or the version of the study's evaluation change; and in `examples.npz`, for metrics that
    are means over examples, the values of these, of splits that are the same for all seeds.

    Args:
        study: says what is measured.
        trials: from `trial_table`.
        prepared: the data.
        store: where the weights are.
        device: where to compute.
        wanted: the splits to evaluate; a search leaves the test split closed.
        anew: compute what is kept too, and keep nothing: to verify it.
        with_examples: evaluate anew what was scored before values of examples were kept.
        compute: whose workers compute what is not kept, where that is worth it; none: this process.

    Returns:
        Columns trial_id, arm, seed, split, metric, value.

    Raises:
        UserError: the trials were trained on other data, or one of them is damaged.
    """
    require_same_data(study, trials, prepared.fingerprint)
    data = Splits(prepared, device)
    if compute is not None and not study.runs_programs and not anew:
        alive = trials[~trials["status"].map(lost)]
        compute_missing(study, alive, prepared, store, wanted, with_examples, compute, data)
    rows: list[tuple[str, str, int, str, str, float]] = []
    for row in (row for _, row in trials.iterrows()):
        key = (row["trial_id"], row["arm"], int(row["seed"]))
        rows.append((*key, "train", "training_seconds_share", float(row["seconds"])))
        if lost(row["status"]):
            continue
        folder = store.folder(row["trial_id"])
        require_whole(folder)
        if study.runs_programs:
            scores = written_scores(folder)
        elif anew:
            scores = computed_scores(study, folder, data, wanted)
        else:
            identity = identity_of(study, str(row["weights_digest"]))
            scores = known_or_computed(study, folder, identity, data, wanted, with_examples)
        for split in wanted:
            known = scores.get(split, {})
            rows += [(*key, split, metric, value) for metric, value in known.items()]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def kept_examples(
    study: Study, trials: pd.DataFrame, store: TrialStore, prepared: Prepared
) -> Examples:
    """Return where the values of single examples are found, and which belong together.

    There are none where a trial was scored before they were kept, or kept as they are now.
    """
    if study.runs_programs:
        return NO_EXAMPLES
    digests = dict(zip(trials["trial_id"], trials["weights_digest"], strict=True))

    def of_trial(trial_id: str) -> dict[str, NDArray[Any]] | None:
        if trial_id not in digests:
            return None
        identity = identity_of(study, str(digests[trial_id]))
        return load_arrays(store.folder(trial_id) / EXAMPLES, identity | FORM)

    groups = {name: split.groups for name, split in prepared.splits.items()}
    known = {name: one for name, one in groups.items() if one is not None}
    return Examples(of_trial, known, prepared.grouping)


def altered_examples(
    study: Study,
    trials: pd.DataFrame,
    prepared: Prepared,
    store: TrialStore,
    device: torch.device,
    tolerance: float,
) -> dict[str, str]:
    """Trials whose weights do not give the values of single examples that are kept with them.

    Args:
        study: says what is measured.
        trials: from `trial_table`, trained on these data.
        prepared: the data.
        store: where the trials are.
        device: where to compute.
        tolerance: relative difference that values may have.

    Returns:
        Trial id -> what is wrong, in a clause.
    """
    data, examples, found = (
        Splits(prepared, device),
        kept_examples(study, trials, store, prepared),
        {},
    )
    for trial_id in trials["trial_id"]:
        kept = examples.of_trial(trial_id)
        if kept is None:
            continue
        splits = {key.partition("/")[0] for key in kept}
        again = example_values(computed_scores(study, store.folder(trial_id), data, splits))
        if kept.keys() != again.keys() or not all(
            np.allclose(kept[key], again[key], rtol=tolerance, atol=tolerance, equal_nan=True)
            for key in kept
        ):
            found[trial_id] = "its weights give other values of single examples than are kept"
    return found


def altered_trials(scores: pd.DataFrame, store: TrialStore) -> dict[str, str]:
    """Trials whose scores in a table are not those that were measured and kept with them.

    Args:
        scores: trial_id, split, metric, value.
        store: where the trials are.

    Returns:
        Trial id -> what is wrong, in a clause.
    """
    found = {}
    columns = [scores[name].to_numpy() for name in ("split", "metric", "value")]
    # Positions, not tables: a table for each trial would cost a millisecond each.
    for trial_id, rows in scores.groupby("trial_id").indices.items():
        folder = store.folder(str(trial_id))
        path, program = folder / SCORES, (folder / PROGRAM).exists()
        if not (path.exists() or program):
            continue
        kept = written_scores(folder) if program else kept_values(path)
        if kept is None:
            found[str(trial_id)] = "its file of scores was edited"
            continue
        for split, metric, value in zip(*(column[rows] for column in columns), strict=True):
            measured = kept.get(split, {}).get(metric)
            # Equality first: it is a hundred times cheaper, and nearly always so.
            if measured is None or value == measured:
                continue
            if not np.isclose(value, measured, rtol=1e-12, equal_nan=True):
                found[str(trial_id)] = f"its {metric} is not the one that was measured"
    return found


def collect_scores(
    trials: pd.DataFrame, measured: pd.DataFrame, timings: pd.DataFrame
) -> pd.DataFrame:
    """Return all scores of a study in one table: those of the weights and the times of the arms."""
    names = trials[["trial_id", "arm", "seed"]]
    alone = names.merge(timings, on=["arm", "seed"]).rename(columns={"seconds": "value"})
    alone = alone.assign(split="train", metric="step_seconds_alone")
    return pd.concat([measured, alone[SCORE_COLUMNS]], ignore_index=True)
