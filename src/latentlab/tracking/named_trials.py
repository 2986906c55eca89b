"""The trial behind a run of MLflow or a registered model."""

from __future__ import annotations

import re
from typing import NamedTuple

import mlflow
from mlflow.exceptions import MlflowException

from latentlab.core.errors import UserError
from latentlab.tracking.store_address import tracking_uri
from latentlab.tracking.store_creation import prepare_store

_RUN = re.compile(r"[0-9a-f]{32}")
_MODEL = re.compile(r"(?:models:/)?(?P<name>[^@/:]+)(?:@(?P<alias>\w+)|/(?P<version>\d+))")


class NamedTrial(NamedTuple):
    """A trained trial and its study."""

    study: str
    trial_id: str


def named_trial(reference: str) -> NamedTrial | None:
    """Return the trial that a reference names; None where it is neither a run nor a model.

    Args:
        reference: the id of a trial's run, `NAME@ALIAS` or `NAME/VERSION` of a registered model,
            also after `models:/`.

    Raises:
        UserError: there is no such run or model, or it is none of a trial.
    """
    model = _MODEL.fullmatch(reference)
    if model is None and not _RUN.fullmatch(reference):
        return None
    prepare_store(tracking_uri())
    client = mlflow.MlflowClient(tracking_uri())
    try:
        if model is None:
            tags = client.get_run(reference).data.tags
        elif model["alias"]:
            tags = client.get_model_version_by_alias(model["name"], model["alias"]).tags
        else:
            tags = client.get_model_version(model["name"], model["version"]).tags
    except MlflowException as error:
        raise UserError(
            f"MLflow has nothing that is called {reference}",
            "Take the id of a run, or name and alias of a model, from its page.",
        ) from error
    if "trial_id" not in tags:
        raise UserError(
            f"{reference} is no trial of a study",
            "Name the run of a trial, a child of a study's run; or the study, with --arm.",
        )
    return NamedTrial(model["name"] if model else tags["study"], tags["trial_id"])
