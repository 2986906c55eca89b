"""Scores of trained trials: one tidy table, from which everything after is a pure function."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from latentlab.compute.device import set_matmul_precision
from latentlab.data import Prepared
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.planning import trial_of
from latentlab.experiment.study import Study
from latentlab.training.cohort import Cohort
from latentlab.training.data import StudyData, data_spec, split_validation
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial

SCORE_COLUMNS = ["trial_id", "arm", "seed", "split", "metric", "value"]

PICTURED = 10
"""Test examples whose reconstructions are shown."""
SCATTERED = 1000
"""Test examples whose latent samples are shown."""

TIMED_SECONDS = 0.05
"""Length of one timing of one arm; long against the clock, short against a machine's moods."""


def score_trials(
    study: Study,
    trials: pd.DataFrame,
    prepared: Prepared,
    store: TrialStore,
    device: torch.device,
    wanted: Collection[str] = ("validation", "test"),
) -> pd.DataFrame:
    """Evaluate every trial that did not diverge on its validation split and on the test split.

    Args:
        study: says what is measured.
        trials: from `trial_table`.
        prepared: the data.
        store: where the weights are.
        device: where to compute.
        wanted: the splits to evaluate; a search leaves the test split closed.

    Returns:
        Columns trial_id, arm, seed, split, metric, value.
    """
    spec, scale = data_spec(prepared), prepared.schema.scale
    official = prepared.splits.get("validation")
    train, test = prepared.splits["train"], prepared.splits["test"]
    whole = {"test": _on_device(test.features, test.labels, scale, device)}
    if official is not None:
        whole["validation"] = _on_device(official.features, official.labels, scale, device)
    validation: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    rows: list[tuple[str, str, int, str, str, float]] = []
    for row in (row for _, row in trials.iterrows()):
        key = (row["trial_id"], row["arm"], int(row["seed"]))
        rows.append((*key, "train", "training_seconds_share", float(row["seconds"])))
        if row["status"] == "diverged":
            continue
        config, stream = trial_of(study, row)
        splits = dict(whole)
        if official is None:
            if stream not in validation:
                fraction = config.training.validation_fraction
                places = split_validation(np.asarray(train.labels), stream, fraction)[1]
                validation[stream] = _on_device(
                    train.features[places], train.labels[places], scale, device
                )
            splits["validation"] = validation[stream]
        weights = {name: t.to(device) for name, t in store.weights(row["trial_id"]).items()}
        for split in wanted:
            features, labels = splits[split]
            scores = study.evaluation.evaluate(config, spec, weights, features, labels, stream)
            rows += [(*key, split, metric, value) for metric, value in scores.items()]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def time_arms(
    study: Study, declaration: Declaration, prepared: Prepared, device: torch.device, precision: str
) -> pd.DataFrame:
    """Time one training step of each arm alone, interleaved: every arm once per seed, in turn.

    Time inside a cohort is a share of it and says nothing about an arm; here arms take turns on
    the same machine in the same minute, in an order that rotates from seed to seed.

    Returns:
        Columns arm, seed, seconds (per step).
    """
    torch.set_num_threads(1)
    set_matmul_precision(precision)
    data = StudyData.of(prepared, device)
    names = list(declaration.configs)
    cohorts = {
        arm: Cohort(
            study.method,
            [Trial(study.name, arm, 0, config, prepared.fingerprint, precision, 0)],
            data,
            device,
            precision,
        )
        for arm, config in declaration.configs.items()
    }
    for cohort in cohorts.values():
        _seconds_per_step(cohort, device)
    rows = []
    for turn, seed in enumerate(declaration.seeds.numbers()):
        shift = turn % len(names)
        for arm in names[shift:] + names[:shift]:
            rows.append((arm, seed, _seconds_per_step(cohorts[arm], device)))
    return pd.DataFrame(rows, columns=["arm", "seed", "seconds"])


def collect_scores(
    trials: pd.DataFrame, measured: pd.DataFrame, timings: pd.DataFrame
) -> pd.DataFrame:
    """All scores of a study in one table: those of the weights, and the times of the arms."""
    names = trials[["trial_id", "arm", "seed"]]
    alone = names.merge(timings, on=["arm", "seed"]).rename(columns={"seconds": "value"})
    alone = alone.assign(split="train", metric="step_seconds_alone")
    return pd.concat([measured, alone[SCORE_COLUMNS]], ignore_index=True)


def draw_pictures(
    study: Study, trials: pd.DataFrame, prepared: Prepared, store: TrialStore
) -> dict[str, NDArray[Any]]:
    """Arrays for the figures, from the first seed of every arm.

    Returns:
        `originals` [n, c, h, w], `labels` [m], `classes` (the names of the labels), and per arm
        what the study pictures, such as `reconstruction/<arm>` [n, c, h, w] and `latent/<arm>`
        [m, latent]; an arm whose trial diverged is left out.
    """
    spec, test = data_spec(prepared), prepared.splits["test"]
    count = min(SCATTERED, len(test))
    # Evenly spaced, since a data set's order may carry meaning.
    places = np.linspace(0, len(test) - 1, count).astype(int)
    features, labels = _on_device(
        test.features[places], test.labels[places], prepared.schema.scale, torch.device("cpu")
    )
    arrays: dict[str, NDArray[Any]] = {
        "originals": features[:PICTURED].numpy(),
        "labels": labels.numpy(),
        "classes": np.array(prepared.schema.classes),
    }
    for arm, group in trials.groupby("arm", sort=False):
        row = group.sort_values("seed").iloc[0]
        if row["status"] == "diverged":
            continue
        config, stream = trial_of(study, row)
        drawn = study.evaluation.pictures(
            config, spec, store.weights(row["trial_id"]), features, stream
        )
        if "reconstruction" in drawn:
            drawn["reconstruction"] = drawn["reconstruction"][:PICTURED]
        arrays |= {f"{kind}/{arm}": array for kind, array in drawn.items()}
    return arrays


def choose_champion(declaration: Declaration, scores: pd.DataFrame) -> dict[str, Any]:
    """The trial to be registered, by the declared rule, on validation scores.

    Returns:
        `trial_id`, `arm`, `seed`, `metric`, `split`, `value`, and the arm's mean and number of
        seeds, so that nobody takes the best of many for the typical.
    """
    rule = declaration.champion
    better = declaration.metric_table[rule.metric].better
    chosen = (scores["metric"] == rule.metric) & (scores["split"] == rule.split)
    found = scores[chosen & scores["arm"].isin(declaration.configs)].dropna()
    if found.empty:
        return {}
    sign = -1.0 if better == "higher" else 1.0
    means = found.groupby("arm")["value"].mean()
    arm = (sign * means).sort_values().index[0]
    own = found[found["arm"] == arm]
    best = own.iloc[int(np.argmin(sign * own["value"].to_numpy()))]
    return {
        "trial_id": str(best["trial_id"]),
        "arm": str(arm),
        "seed": int(best["seed"]),
        "metric": rule.metric,
        "split": rule.split,
        "value": float(best["value"]),
        "arm_mean": float(means[arm]),
        "arm_seeds": len(own),
    }


def _on_device(
    features: NDArray[Any], labels: NDArray[np.int64], scale: float, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features in [0, 1] and labels as tensors."""
    return (
        torch.from_numpy(np.array(features)).to(device).float() / scale,
        torch.from_numpy(np.array(labels)).to(device),
    )


def _seconds_per_step(cohort: Cohort, device: torch.device) -> float:
    """Time steps of a cohort of one for a moment; its weights are of no interest."""
    cohort.restart()
    start = time.perf_counter()
    steps = 0
    while steps < 3 or time.perf_counter() - start < TIMED_SECONDS:
        # Never to the end of an epoch, whose validation is no part of a training step (where an
        # epoch is one step, every arm pays for it alike).
        if cohort.state.step + 1 >= cohort.epoch_steps:
            cohort.restart()
        cohort.advance()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        steps += 1
    return (time.perf_counter() - start) / steps
