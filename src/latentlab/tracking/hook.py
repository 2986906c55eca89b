"""The Kedro hook: opens the parent run, hands on what is saved, closes the run and says the end.

kedro-mlflow 2.0 logs parameters one call each, as one string where they are typed, opens the run
anew at every node, and touches the store whenever the project is loaded. This hook keeps its
configuration and its run handling, and replaces those parts.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from pydantic import BaseModel

from latentlab.core.databases import shown
from latentlab.core.validation import validate
from latentlab.experiment.declaration import Declaration
from latentlab.studies.registry import STUDIES
from latentlab.tracking.flatten import flatten

IMPORTED = ("analysis", "evidence", "audit")
"""Stand for a study where a sweep from elsewhere is analysed, and where runs that exist are judged
or audited."""

SEVERAL = "latentlab"
"""Experiment of a run that covers more than one study."""


class TrackingHook(MlflowHook):
    """kedro-mlflow's hook with batch logging and a run tree."""

    def __init__(self) -> None:
        super().__init__()
        self._context: KedroContext | None = None
        self._catalog: Any = None
        self._run: Any = None
        self._tree: Any = None
        self._saved: Any = None
        self.places: dict[str, str] = {}
        """Where to look for what the latest run wrote last, by name."""
        atexit.register(self._stopped)

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read `mlflow.yml`. The store is not touched before a pipeline runs."""
        self._context = context
        self.mlflow_config = validate(
            KedroMlflowConfig, context.config_loader["mlflow"], "conf/, mlflow.yml"
        )
        context.__setattr__("mlflow", self.mlflow_config)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: Any
    ) -> None:
        """Open the parent run in the study's experiment and log all parameters at once.

        Raises:
            UserError: the store does not answer, or does not fit this MLflow.
        """
        from latentlab.tracking.parent_run import ParentRun
        from latentlab.tracking.saved_tables import SavedTables

        assert self._context is not None
        self._catalog = catalog
        self._saved = None
        self._run = ParentRun(self.mlflow_config, self._context, _experiment_name(pipeline))
        self._tree = self._run.tree
        self._already_active_mlflow = not self._run.is_ours
        # They become tags of the run, the command line among them.
        super().before_pipeline_run(shown(run_params), pipeline, catalog)
        parameters = _parameters(pipeline, catalog)
        self._tree.log_parameters(flatten(parameters, ""))
        project = Path(self._context.project_path)
        self._saved = SavedTables(self._run, catalog, parameters, project)

    @hook_impl
    def before_node_run(
        self, node: Node, catalog: Any, inputs: dict[str, Any], is_async: bool
    ) -> None:
        """Nothing: parameters were logged, and the run is open, before the first node."""

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Write what was saved into the run tree, while the pipeline goes on."""
        study, _, kind = dataset_name.partition(".")
        if study in (*STUDIES, *IMPORTED) and self._tree is not None:
            self._saved.write(study, kind, data)

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: Any
    ) -> None:
        """Close the run; end with the verdicts and where to look for the rest."""
        self._tree.log_rest()
        self._close("FINISHED")
        for study in STUDIES:
            if f"{study}.report" in pipeline.all_outputs():
                self._show(study)
        if "evidence.report" in pipeline.all_outputs():
            self._show_verdicts("evidence", self._saved.verdicts["evidence"], {})
        if "audit.report" in pipeline.all_outputs():
            self._show_findings("audit")
        for study in (*STUDIES, *IMPORTED):
            if f"{study}.sweep_report" in pipeline.all_outputs() and self._saved.sweep is not None:
                self._show_sweep(study, self._saved.sweep)

    @hook_impl
    def on_pipeline_error(
        self, error: Exception, run_params: dict[str, Any], pipeline: Pipeline, catalog: Any
    ) -> None:
        """End with the verdicts that there are; close the run as FAILED and say why."""
        from latentlab.reporting import print_verdicts

        for study, verdicts in (self._saved.verdicts if self._saved else {}).items():
            print_verdicts(verdicts, {"verdicts": str(self._saved.path(study, "verdicts"))})
        if self._tree is not None:
            self._tree.log_tags({"error": str(error)[:5000]})
            self._close("FAILED")

    def _stopped(self) -> None:
        """Close a run that a signal ended, before MLflow closes it as finished."""
        if self._tree is not None:
            self._close("KILLED")

    def _close(self, status: str) -> None:
        self._tree = None
        self._run.close(status)

    def _page(self, study: str, kind: str) -> str:
        """Address of a report that a browser opens."""
        return (self._saved.path(study, kind) / "index.html").as_uri()

    def _show(self, study: str) -> None:
        from latentlab.reporting import print_table

        declaration = self._catalog.load(f"params:{study}")
        comparison, verdicts = (
            self._catalog.load(f"{study}.{kind}") for kind in ("comparison", "verdicts")
        )
        table = declaration.table(comparison, verdicts)
        if table is not None:
            print_table(table, group=table.columns[0])
        advice = {"advice": self._page(study, "advice")} if STUDIES[study].advises else {}
        pooled = self._catalog.load(f"{study}.pooled_verdicts")
        self._show_verdicts(study, verdicts, advice, pooled, self._catalog.load("params:rehearsal"))

    def _show_verdicts(
        self,
        study: str,
        verdicts: Any,
        where: Mapping[str, str],
        pooled: Any = None,
        rehearsal: bool = False,
    ) -> None:
        from latentlab.reporting import print_verdicts

        self.places = {
            **where,
            "report": self._page(study, "report"),
            "MLflow": self._run.page,
            **({"arms": self._run.view} if self._run.view else {}),
            "pipelines": "make viz",
        }
        print_verdicts(verdicts, self.places, pooled=pooled, rehearsal=rehearsal)

    def _show_findings(self, study: str) -> None:
        from latentlab.reporting.terminal import print_lines

        findings = self._catalog.load(f"{study}.findings")
        self.places = {"report": self._page(study, "report"), "MLflow": self._run.page}
        print_lines(
            [
                f"{row.severity}: {row.name} ({row.rule}). {row.text}"
                for row in findings.itertuples()
            ],
            self.places,
        )

    def _show_sweep(self, study: str, report: Any) -> None:
        from latentlab.reporting.terminal import print_lines

        folder = self._saved.path(study, "sweep_report") / report.folder
        print_lines(
            report.lines(),
            {
                "report": (folder / "index.html").as_uri(),
                "MLflow": self._run.page,
            }
            | {one.name: one.run for one in report.next_sweeps if one.text},
        )


def _experiment_name(pipeline: Pipeline) -> str:
    studies = {str(node.namespace).partition(".")[0] for node in pipeline.nodes}
    return studies.pop() if len(studies) == 1 else SEVERAL


def _parameters(pipeline: Pipeline, catalog: Any) -> dict[str, Any]:
    """The parameters that the pipeline reads, as plain nested settings."""
    found: dict[str, Any] = {}
    for name in sorted(pipeline.inputs()):
        if name.startswith("params:"):
            value = catalog.load(name)
            if isinstance(value, Declaration):
                value = value.resolved()
            elif isinstance(value, BaseModel):
                value = value.model_dump(mode="json")
            found[name.removeprefix("params:")] = shown(value)
    return found
