"""Whether verdicts follow from their registration: everything is derived anew from the files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
import torch

from latentlab.core.provenance import commit_of, is_ancestor
from latentlab.evidence.registration import Record
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.hypothesis_testing import judge_study
from latentlab.experiment.registering import read_record
from latentlab.experiment.scoring import (
    altered_examples,
    altered_trials,
    kept_examples,
    score_trials,
)
from latentlab.experiment.study import Made, Study
from latentlab.training.store import TrialStore
from latentlab.training.trial_files import outcome_file

TOLERANCE = 1e-5
"""Relative difference that scores of the same weights may have on another machine."""


def verify_study(
    study: Study,
    declaration: Declaration,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    prepared: Any,
    store: TrialStore,
    device: torch.device,
) -> pd.DataFrame:
    """Check chain, data, weights, scores, verdicts and their status.

    Args:
        study: whose verdicts they are.
        declaration: as it is now.
        trials: one row per trial, `config` as a nested mapping.
        scores: all scores of the study.
        verdicts: as they were stored.
        prepared: the data, as they are prepared now, or the program.
        store: the trials and the registration.
        device: where scores are computed anew.

    Returns:
        Columns check and found; found is empty where the check holds.
    """
    record = read_record(store.root)
    altered = altered_anew(study, trials, scores, prepared, store, device)
    if declaration.applicable.over_examples:
        sound = trials[~trials["trial_id"].isin(altered) & (trials["data"] == prepared.fingerprint)]
        altered |= altered_examples(study, sound, prepared, store, device, TOLERANCE)
    examples = kept_examples(study, trials, store, prepared)
    again = judge_study(study, declaration, scores, trials, record, altered, examples)
    rows = [
        ("the registration is there", "" if record.entries else "nothing was registered"),
        *checks_of_record(record),
        ("data", other_data(trials, prepared)),
        ("weights and scores", "; ".join(f"trial {t}: {what}" for t, what in altered.items())),
        ("verdicts derived anew", "; ".join(_differences(verdicts, again))),
    ]
    return checks(rows, again, "hypothesis")


def checks(rows: Sequence[tuple[str, str]], judged: pd.DataFrame, claim: str) -> pd.DataFrame:
    """Return the table of checks, and whether each claim is confirmatory.

    Args:
        rows: check, and what was found; empty where it holds.
        judged: the claims as they are derived anew, with `status` and `status_reason`.
        claim: column of their names.
    """
    standing = [
        (
            f"{row[claim]} is confirmatory",
            "" if row["status"] == "confirmatory" else f"{row['status']}: {row['status_reason']}",
        )
        for row in judged.dropna(subset="status").to_dict("records")
    ]
    return pd.DataFrame([*rows, *standing], columns=["check", "found"])


def checks_of_record(record: Record) -> list[tuple[str, str]]:
    """Check the chain of a registration, and its commits."""
    return [
        ("the registration's chain", record.broken()),
        ("commits of the registration", "; ".join(_unrelated(record))),
    ]


def altered_anew(
    study: Study,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    prepared: Any,
    store: TrialStore,
    device: torch.device,
) -> dict[str, str]:
    """Trials whose weights or scores are not those that were trained and are measured again.

    Returns:
        Trial id -> what is wrong, in a clause.
    """
    altered = altered_trials(scores, store) | dict(_other_weights(trials, store))
    return altered | _other_scores(study, trials, scores, prepared, store, device, set(altered))


def _other_weights(trials: pd.DataFrame, store: TrialStore) -> Iterator[tuple[str, str]]:
    for trial_id, digest in trials[["trial_id", "weights_digest"]].itertuples(index=False):
        path = outcome_file(store.folder(trial_id))
        if not path.exists():
            yield trial_id, "its weights are gone"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            yield trial_id, "its weights are not those that were trained"


def _other_scores(
    study: Study,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    prepared: Any,
    store: TrialStore,
    device: torch.device,
    known: set[str],
) -> dict[str, str]:
    """Trials whose stored scores their weights do not give; those that are known are left out."""
    left = trials[~trials["trial_id"].isin(known) & (trials["data"] == prepared.fingerprint)]
    measured = score_trials(study, left, prepared, store, device, anew=True)
    keys = ["trial_id", "split", "metric"]
    both = scores.merge(measured[[*keys, "value"]], on=keys, suffixes=("", "_again"))
    both = both[both["metric"] != "training_seconds_share"]
    apart = (both["value"] - both["value_again"]).abs() > TOLERANCE * both["value"].abs() + 1e-9
    return {
        row["trial_id"]: f"its weights give another {row['metric']} than is stored"
        for row in both[apart].to_dict("records")
    }


def other_data(trials: pd.DataFrame, prepared: Made) -> str:
    """Say on which other data trials were trained; empty where on none."""
    others = sorted(set(trials["data"]) - {prepared.fingerprint})
    return f"trials were trained on {', '.join(others)}, prepared are others" if others else ""


def _unrelated(record: Record) -> Iterator[str]:
    """Entries whose commit is no ancestor of the next one's."""
    commits = [commit_of(entry.git) for entry in record.entries]
    for number, (earlier, later) in enumerate(pairwise(commits), start=1):
        if earlier is None or later is None or earlier == later:
            continue
        if not is_ancestor(earlier, later):
            yield f"the commit of entry {number} is no ancestor of that of entry {number + 1}"


def _differences(stored: pd.DataFrame, again: pd.DataFrame) -> Iterator[str]:
    both = stored.merge(again, on="hypothesis", how="outer", suffixes=("", "_again"))
    for row in both.to_dict("records"):
        if row["verdict"] != row["verdict_again"]:
            yield f"{row['hypothesis']} is stored as {row['verdict']}, found {row['verdict_again']}"
        elif row["status"] != row["status_again"] and not pd.isna(row["status"]):
            yield f"{row['hypothesis']} is stored as {row['status']}, found {row['status_again']}"
