"""Runs of an experiment, for analyses of what was tracked elsewhere."""

from __future__ import annotations

import pandas as pd

from latentlab.core.errors import UserError


def runs_of(experiment: str) -> pd.DataFrame:
    """All runs of an experiment of the tracking store, as `mlflow.search_runs` gives them.

    Raises:
        UserError: there is no such experiment.
    """
    import mlflow

    if mlflow.get_experiment_by_name(experiment) is None:
        known = sorted(found.name for found in mlflow.search_experiments())
        raise UserError(
            f"analysis.source: there is no experiment {experiment} in the tracking store",
            f"Those that are there: {', '.join(known) or 'none'}.",
        )
    return mlflow.search_runs(experiment_names=[experiment], output_format="pandas")
