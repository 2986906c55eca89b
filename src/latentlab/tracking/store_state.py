"""Whether the tracking store can be used, looked at without changing it."""

from __future__ import annotations

from latentlab.tracking.outbox import is_gone, unreachable
from latentlab.tracking.store_address import sqlite_path
from latentlab.tracking.store_creation import check_schema, opened


def store_state(uri: str) -> str:
    """Say what a tracking store is.

    Raises:
        UserError: it does not answer, cannot be read, or is one of another version of MLflow.
    """
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        return "not there yet, the first run makes it"
    if uri.startswith(("http", "databricks")):
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            MlflowClient(uri).search_experiments(max_results=1)
        except (MlflowException, OSError) as error:
            if not is_gone(error):
                raise
            raise unreachable(uri, error) from error
        return "answers"
    with opened(uri) as engine:
        check_schema(engine, uri)
    return "of this version of MLflow"
