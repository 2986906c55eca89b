"""What a sweep of a study left behind, as tables: from its storage and from the trial store."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from latentlab.experiment.planning import history_table, trial_table
from latentlab.experiment.scoring import SCORE_COLUMNS
from latentlab.experiment.sweep.file import Sweep
from latentlab.experiment.sweep.training import SweepTraining, configuration_name
from latentlab.search.suggestion import Suggestion
from latentlab.search.table import SweepTable, typed_parameters
from latentlab.training.trial import Trial


def sweep_table(sweep: Sweep, suggestions: Sequence[Suggestion]) -> SweepTable:
    """Return the sweep as analyses read it, once all its configurations are told."""
    space = sweep.settings.space
    names = [objective.name for objective in sweep.objectives]
    finished = [(one, one.result) for one in suggestions if one.result is not None]
    parameters = typed_parameters(space, {one.number: one.values for one, _ in finished})
    replicates = [
        {"configuration": one.number, **row}
        for one, result in finished
        for row in result.replicates
    ]
    columns = ["configuration", "seed", "trial_id", "state", "epochs", "seconds", *names]
    by_seed = pd.DataFrame(replicates, columns=columns)
    spent = by_seed.groupby("configuration")[["epochs", "seconds"]].sum(min_count=1)
    outcomes = pd.DataFrame(
        {
            "state": [result.state for _, result in finished],
            "adaptive": [one.adaptive for one, _ in finished],
            "cohort": [one.cohort for one, _ in finished],
        },
        index=parameters.index,
    )
    for index, name in enumerate(names):
        outcomes[name] = pd.Series(
            {one.number: result.objectives[index] for one, result in finished if result.objectives},
            dtype=float,
        ).reindex(parameters.index)
    return SweepTable(
        name=sweep.name,
        space=space,
        sampler=sweep.settings.method,
        objectives=sweep.objectives,
        parameters=parameters,
        outcomes=outcomes.join(spent),
        replicates=by_seed,
        notes=tuple(sweep.warnings),
    )


def stored_trials(
    training: SweepTraining, suggestions: Sequence[Suggestion]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return tables of the sweep's trials and of their histories, as those of a study.

    Args:
        training: knows the trials of a configuration.
        suggestions: of the sweep.

    Returns:
        As `trial_table` and `history_table`; a configuration that was stopped early has no
        stored trials, and one that another driver trained has them there. One that is finished
        and whose trials were lost or damaged since is trained again.
    """
    trials: list[Trial] = []
    for suggestion in suggestions:
        result = suggestion.result
        # What could not even be built has no trials.
        if result is not None and result.replicates and result.state != "pruned":
            planned = training.trials(suggestion)
            if not suggestion.elsewhere or all(training.store.knows(one.id) for one in planned):
                trials += planned
    lost = [trial for trial in trials if not training.store.knows(trial.id)]
    if lost:
        training.trained |= training.trainer.train(lost)
    return (
        trial_table(trials, training.store, training.trained),
        history_table(trials, training.store),
    )


def search_scores(table: SweepTable) -> pd.DataFrame:
    """Return validation scores of a sweep's trials: trial_id, arm, seed, split, metric, value."""
    names = [objective.name for objective in table.objectives]
    rows = table.replicates[table.replicates["state"] == "complete"]
    long = rows.melt(["trial_id", "configuration", "seed"], names, var_name="metric")
    arms = long["configuration"].map(configuration_name)
    return long.assign(arm=arms, split="validation")[SCORE_COLUMNS]
