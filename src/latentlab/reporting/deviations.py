"""What did not go as planned: read off the trials and the verdicts, in sentences.

A report that shows only what worked misleads. Divergence, lost pairs, too few seeds and verdicts
that cannot be confirmatory are outcomes, and each of them gets its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from latentlab.reporting.formatting import as_float, noun_for, plural
from latentlab.reporting.tables import arm_order
from latentlab.reporting.verdict_prose import verdict_deviations
from latentlab.training.trial_files import without_printed


def deviations(trials: pd.DataFrame, verdicts: pd.DataFrame) -> list[str]:
    """List everything that differs from the plan.

    Args:
        trials: `trial_id, arm, seed, status, ..., diverged_at`, and `outcome` where it is known.
        verdicts: the table of verdicts.

    Returns:
        Sentences: trials that diverged or did not finish, seeds that an arm lacks, more than one
        device, verdicts without enough seeds, verdicts that are invalid or not run, and the
        reasons why a verdict is exploratory. Empty when all went as planned.
    """
    once = trials.drop_duplicates("trial_id")
    return [
        *_lost_trials(once),
        *_missing_pairs(once),
        *_mixed_devices(once),
        *verdict_deviations(verdicts),
    ]


def _lost_trials(trials: pd.DataFrame) -> Iterator[str]:
    for arm in arm_order(trials):
        of_arm = trials[trials["arm"] == arm]
        diverged = of_arm[of_arm["status"] == "diverged"]
        if len(diverged):
            where = ", ".join(_divergence(row) for row in diverged.to_dict("records"))
            yield f"{arm}: {len(diverged)} of {plural(len(of_arm), 'trial')} diverged ({where})."
        failed = of_arm[of_arm["status"] == "failed"]
        if len(failed):
            why = "; ".join(_failures(failed))
            yield f"{arm}: {len(failed)} of {plural(len(of_arm), 'trial')} failed ({why})."
        others = of_arm[~of_arm["status"].isin(["diverged", "failed", "finished"])]
        for status, group in others.groupby("status", sort=False):
            yield f"{arm}: {_seeds(group['seed'])} ended with the status '{status}'."


def _failures(trials: pd.DataFrame) -> Iterator[str]:
    """Yield seeds and how they failed, where it is known, without what each printed in the end."""
    if "outcome" not in trials:
        yield _seeds(trials["seed"])
        return
    for what, group in trials.groupby(trials["outcome"].map(without_printed), sort=False):
        yield f"{_seeds(group['seed'])}: {what}"


def _divergence(row: dict[object, object]) -> str:
    step = as_float(row.get("diverged_at"))
    at = f" at step {step:.0f}" if step >= 0 else ""
    return f"seed {row['seed']}{at}"


def _missing_pairs(trials: pd.DataFrame) -> Iterator[str]:
    """Seeds that some arm has and another lacks: the pair is lost for their comparison."""
    planned = set(trials["seed"])
    for arm in arm_order(trials):
        missing = planned - set(trials.loc[trials["arm"] == arm, "seed"])
        if missing:
            yield f"{arm}: no trial for {_seeds(missing)}, which other arms have; pairs are lost."


def _mixed_devices(trials: pd.DataFrame) -> Iterator[str]:
    counts = trials["device"].dropna().value_counts() if "device" in trials else pd.Series()
    if len(counts) > 1:
        listed = ", ".join(f"{device} ({plural(n, 'trial')})" for device, n in counts.items())
        yield f"Trials ran on more than one device: {listed}."


def _seeds(seeds: Sequence[object] | set[object] | pd.Series) -> str:
    listed = sorted(seeds, key=as_float)
    return f"{noun_for(len(listed), 'seed')} {', '.join(str(seed) for seed in listed)}"
