"""The MLflow run of a Kedro run: opened so that whatever ends the process, it is closed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import mlflow
from kedro.framework.context import KedroContext
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags

from latentlab.core.provenance import git_state
from latentlab.tracking import arms_view
from latentlab.tracking.outbox import Outbox, is_gone, unreachable
from latentlab.tracking.run_tree import RunTree
from latentlab.tracking.sessions import TAG, Session, settle
from latentlab.tracking.store_address import artifact_location, tracking_uri
from latentlab.tracking.store_creation import prepare_store
from latentlab.tracking.ui import page_of, run_path, view_path

KIND = "mlflow.experimentKind", "custom_model_development"
"""Tag by which MLflow's pages open an experiment on its runs, not on traces of language models."""


class ParentRun:
    """The parent of a run tree. What earlier runs left open is settled first.

    Args:
        config: from `mlflow.yml`; gets the id of the run, which kedro-mlflow opens by it.
        context: of the Kedro session.
        name: of the experiment; a run that is active already stays in its own.

    Attributes:
        view: address of the view that compares arms; empty before one is saved.

    Raises:
        UserError: the store does not answer, or does not fit this MLflow.
    """

    def __init__(self, config: KedroMlflowConfig, context: KedroContext, name: str) -> None:
        self._around = mlflow.active_run()
        try:
            if self._around is None:
                uri, experiment = _set_up(config, context, name)
            else:
                uri, experiment = mlflow.get_tracking_uri(), self._around.info.experiment_id
            client, project = mlflow.MlflowClient(), Path(context.project_path)
            settle(project, uri, client)
            self._session = Session(project, uri, experiment)
            if self._around is not None:
                run = self._around.info.run_id
            else:
                run = config.tracking.run.id or self._created(client, experiment, config)
                config.tracking.run.id = run
        except (MlflowException, OSError) as error:
            if not is_gone(error):
                raise
            raise unreachable(mlflow.get_tracking_uri(), error) from error
        self._uri, self._experiment = uri, experiment
        self.outbox = Outbox(client, self._session.folder, experiment)
        self.tree = RunTree(self.outbox, run, experiment, git_state())
        if self._around is not None:
            # No session's name: who opened the run closes it, whatever becomes of this process.
            self.tree.log_tags({TAG: "none"})
        self.view = ""

    @property
    def is_ours(self) -> bool:
        """Whether the run was opened here: one that was active already is closed by its owner."""
        return self._around is None

    @property
    def artifacts(self) -> str:
        """Where MLflow's pages have the run's files, wherever they are served."""
        return run_path(self._experiment, self.tree.parent, "/artifacts")

    @property
    def page(self) -> str:
        """Where MLflow shows the run."""
        return page_of(self._uri, run_path(self._experiment, self.tree.parent))

    def view_of(self, study: str) -> str:
        """Where MLflow's pages compare a study's arms, wherever they are served."""
        return view_path(self._experiment, study)

    def save_view(self, study: str, view: str) -> None:
        """Let MLflow's pages compare a study's arms; a store that is gone misses it."""
        tag = f"{arms_view.TAG}{study}", view
        self.outbox.attempt(lambda client: client.set_experiment_tag(self._experiment, *tag))
        self.view = page_of(self._uri, self.view_of(study))

    def close(self, status: str) -> None:
        """Close the run; what the store does not take is left to the next one."""
        if self.is_ours:
            self.outbox.end(self.tree.parent, status)
            while mlflow.active_run() is not None:
                # It takes the run off MLflow's stack before it tells a store that may be gone.
                with suppress(Exception):
                    mlflow.end_run(status)
        self._session.close(keep=self.outbox.lost)

    def _created(
        self, client: mlflow.MlflowClient, experiment: str, config: KedroMlflowConfig
    ) -> str:
        # With its tag from the first moment on: whenever it is stopped, its session is known.
        tags = resolve_tags({TAG: self._session.name})
        made = client.create_run(experiment, tags=tags, run_name=config.tracking.run.name)
        return str(made.info.run_id)


def _set_up(config: KedroMlflowConfig, context: KedroContext, name: str) -> tuple[str, str]:
    """Make the store and the experiment ready; the store's address and the experiment's id."""
    uri = config.server.mlflow_tracking_uri or tracking_uri()
    prepare_store(uri)
    config.server.mlflow_tracking_uri = uri
    experiment = config.tracking.experiment
    experiment.name = name
    experiment.create_experiment_kwargs.artifact_location = artifact_location(uri, name)
    # For messages, should the setup not come to the point where it does so itself.
    mlflow.set_tracking_uri(uri)
    setup: Any = config.setup
    setup(context)
    if KIND[0] not in experiment._experiment.tags:
        mlflow.MlflowClient().set_experiment_tag(experiment._experiment.experiment_id, *KIND)
    if not config.tracking.run.name:
        config.tracking.run.name = f"{name} ({context.env or 'base'})"
    return uri, str(experiment._experiment.experiment_id)
