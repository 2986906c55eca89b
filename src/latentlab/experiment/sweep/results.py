"""What a sweep of a study left behind, as tables: from its ledger and from the trial store."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from latentlab.experiment.planning import history_table, trial_table
from latentlab.experiment.scoring import SCORE_COLUMNS
from latentlab.experiment.sweep.file import Sweep
from latentlab.experiment.sweep.training import SweepTraining, configuration_name
from latentlab.search.storage import ATTRIBUTES, Ledger
from latentlab.search.table import SweepTable, typed_parameters
from latentlab.training.trial import Trial


def sweep_table(sweep: Sweep, ledger: Ledger) -> SweepTable:
    """The sweep as analyses read it; configurations that are in work are left out."""
    space = sweep.settings.space
    names = [objective.name for objective in sweep.objectives]
    finished = [trial for trial in ledger.trials if trial.state.is_finished()]
    parameters = typed_parameters(space, {trial.number: trial.params for trial in finished})
    numbers = parameters.index
    replicates = [
        {"configuration": trial.number, **row}
        for trial in finished
        for row in trial.user_attrs.get(ATTRIBUTES["replicates"], [])
    ]
    columns = ["configuration", "seed", "trial_id", "state", "epochs", "seconds", *names]
    by_seed = pd.DataFrame(replicates, columns=columns)
    spent = by_seed.groupby("configuration")[["epochs", "seconds"]].sum(min_count=1)
    outcomes = pd.DataFrame(
        {
            "state": [trial.user_attrs[ATTRIBUTES["state"]] for trial in finished],
            "adaptive": [bool(trial.user_attrs[ATTRIBUTES["adaptive"]]) for trial in finished],
            "cohort": [int(trial.user_attrs[ATTRIBUTES["cohort"]]) for trial in finished],
        },
        index=numbers,
    )
    for place, name in enumerate(names):
        outcomes[name] = pd.Series(
            {t.number: t.values[place] for t in finished if t.values}, dtype=float
        ).reindex(numbers)
    outcomes = outcomes.join(spent)
    return SweepTable(
        name=sweep.name,
        space=space,
        sampler=sweep.settings.method,
        objectives=sweep.objectives,
        parameters=parameters,
        outcomes=outcomes,
        replicates=by_seed,
    )


def stored_trials(training: SweepTraining, ledger: Ledger) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of the sweep's trials and of their histories, as those of a study.

    Args:
        training: knows the trials of a configuration.
        ledger: of the sweep.

    Returns:
        As `trial_table` and `history_table`; a configuration that was stopped early has no
        stored trials.
    """
    trials: list[Trial] = []
    for trial in ledger.trials:
        if trial.user_attrs.get(ATTRIBUTES["state"]) in {"complete", "diverged"}:
            trials += training.trials(ledger.asked(trial))
    return (
        trial_table(trials, training.store, training.trained),
        history_table(trials, training.store),
    )


def search_scores(table: SweepTable) -> pd.DataFrame:
    """Validation scores of a sweep's trials: trial_id, arm, seed, split, metric, value."""
    names = [objective.name for objective in table.objectives]
    rows = table.replicates[table.replicates["state"] == "complete"]
    long = rows.melt(["trial_id", "configuration", "seed"], names, var_name="metric")
    arms = long["configuration"].map(configuration_name)
    return long.assign(arm=arms, split="validation")[SCORE_COLUMNS]


def plan_of(sweep: Sweep) -> dict[str, Any]:
    """The sweep as it will run, for the record."""
    return {
        **json.loads(sweep.settings.model_dump_json()),
        "name": sweep.name,
        "objectives": [vars(objective) for objective in sweep.objectives],
        "warnings": list(sweep.warnings),
    }
