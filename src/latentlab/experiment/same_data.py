"""Whether a stage's data are those that it is asked about, and that its trials were trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentlab.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from latentlab.experiment.declaration import Declaration
    from latentlab.experiment.study import Study


def require_prepared(study: Study, declaration: Declaration, prepared: str) -> None:
    """Refuse another data set than the declared one.

    Args:
        study: whose data it is.
        declaration: names the data set.
        prepared: name of the one that is prepared.

    Raises:
        UserError: names the stage to run.
    """
    if prepared != declaration.dataset:
        raise UserError(
            f"The prepared data is {prepared}, but {study.name}.dataset is {declaration.dataset}",
            f"Run the pipeline {study.name}.data_preparation first.",
        )


def require_same_data(study: Study, trials: pd.DataFrame, fingerprint: str) -> None:
    """Refuse trials that were trained on other data.

    Args:
        study: whose trials they are.
        trials: from `trial_table`.
        fingerprint: of the data that is prepared.

    Raises:
        UserError: names the stages to run.
    """
    if set(trials["data"]) - {fingerprint}:
        raise UserError(
            f"The trials of {study.name} were trained on other data than what is prepared",
            f"Run {study.name}.training and the stages after it, or {study.name}.data_preparation "
            "with the settings that they were trained with.",
        )
