"""The Kedro hook: opens the parent run, writes the run tree as tables are saved, closes the run.

kedro-mlflow 2.0 logs parameters one call each, as one string where they are typed, opens the run
anew at every node, and touches the store whenever the project is loaded. This hook keeps its
configuration and its run handling, and replaces those parts.
"""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable, Mapping
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

logger = logging.getLogger(__name__)

IMPORTED = ("analysis", "evidence", "audit")
"""Stand for a study where a sweep from elsewhere is analysed, and where runs that exist are judged
or audited."""

LARGEST_FOLDER = 1 << 20
"""Bytes of a program's folder that are logged with its run; a larger one stays where it is."""

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
        self._parameters: dict[str, Any] = {}
        self._searched: Any = None
        self._verdicts_of_run: dict[str, Any] = {}
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

        assert self._context is not None
        self._catalog = catalog
        self._verdicts_of_run = {}
        self._run = ParentRun(self.mlflow_config, self._context, _experiment_name(pipeline))
        self._tree = self._run.tree
        self._already_active_mlflow = not self._run.is_ours
        # They become tags of the run, the command line among them.
        super().before_pipeline_run(shown(run_params), pipeline, catalog)
        self._parameters = _parameters(pipeline, catalog)
        self._tree.log_parameters(flatten(self._parameters, ""))

    @hook_impl
    def before_node_run(
        self, node: Node, catalog: Any, inputs: dict[str, Any], is_async: bool
    ) -> None:
        """Nothing: parameters were logged, and the run is open, before the first node."""

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Write what was saved into the run tree, while the pipeline goes on."""
        study, _, kind = dataset_name.partition(".")
        if study in (*STUDIES, *IMPORTED) and self._tree is not None and kind in _WRITERS:
            _WRITERS[kind](self, study, data)

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
            self._show_verdicts("evidence", self._verdicts_of_run["evidence"], {})
        if "audit.report" in pipeline.all_outputs():
            self._show_findings("audit")
        for study in (*STUDIES, *IMPORTED):
            if f"{study}.sweep_report" in pipeline.all_outputs() and self._searched is not None:
                self._show_sweep(study, self._searched)

    @hook_impl
    def on_pipeline_error(
        self, error: Exception, run_params: dict[str, Any], pipeline: Pipeline, catalog: Any
    ) -> None:
        """End with the verdicts that there are; close the run as FAILED and say why."""
        from latentlab.reporting import print_verdicts

        for study, verdicts in self._verdicts_of_run.items():
            print_verdicts(verdicts, {"verdicts": str(self._path(study, "verdicts"))})
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

    def _trials(self, study: str, trials: Any) -> None:
        from latentlab.training.per_trial import canonical_json

        digest = _digest(canonical_json(self._parameters.get(study, {})))
        self._tree.log_trials(study, trials, digest)
        if self._catalog.load("params:tracking").weights == "all":
            store = self._catalog.load(f"{study}.store")
            folders = {i: store.folder(i) for i in trials["trial_id"]}
            if STUDIES[study].runs_programs:
                folders = {i: folder for i, folder in folders.items() if _is_small(folder)}
            self._tree.log_folders(folders)

    def _history(self, study: str, history: Any) -> None:
        self._tree.log_history(history)

    def _scores(self, study: str, scores: Any) -> None:
        if not self._tree.has_children:
            # The stage runs alone: the trials of an earlier run stand under this one too.
            self._trials(study, self._catalog.load(f"{study}.trials").assign(reused=True))
        self._tree.log_scores(scores)

    def _searched_scores(self, study: str, scores: Any) -> None:
        self._tree.log_scores(scores)

    def _champion(self, study: str, champion: Mapping[str, Any]) -> None:
        from latentlab.tracking.registry import register_champion

        if not champion:
            return
        store = self._catalog.load(f"{study}.store")
        prepared = self._catalog.load(f"{study}.prepared")
        trial = champion["trial_id"]
        run = self._tree.child(trial) or self._tree.parent
        # Where the store is gone, the next run registers it.
        self._run.outbox.attempt(
            lambda _: register_champion(study, champion, store.folder(trial), prepared, run)
        )

    def _verdicts(self, study: str, verdicts: Any) -> None:
        self._verdicts_of_run[study] = verdicts
        self._tree.log_verdicts(study, verdicts)
        self._describe(study, verdicts)
        self._artifact(study, "verdicts")

    def _describe(self, study: str, verdicts: Any) -> None:
        from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

        from latentlab.tracking.description import run_description

        question = STUDIES[study].question if study in STUDIES else ""
        if study in STUDIES and STUDIES[study].runs_programs:
            question = self._catalog.load(f"params:{study}").question
        links = {"Report, tables and figures": self._run.artifacts}
        if self._tree.children_of(study):
            links["Arms side by side"] = self._run.view_of(study)
        text = run_description(question, verdicts, links)
        self._tree.log_tags({MLFLOW_RUN_NOTE: text})

    def _pooled_verdicts(self, study: str, pooled: Any) -> None:
        if len(pooled):
            self._tree.log_verdicts(study, pooled, "pooled_verdict")
            self._artifact(study, "pooled_verdicts")

    def _comparison(self, study: str, comparison: Any) -> None:
        from latentlab.reporting.tables import printed_comparison
        from latentlab.tracking.arms_view import arms_view, summary_metrics

        self._artifact(study, "comparison")
        self._tree.log_summary(summary_metrics(study, comparison))
        self._tree.log_table("comparison.json", printed_comparison(comparison))
        if runs := self._tree.children_of(study):
            claimed = self._catalog.load(f"{study}.verdicts")["metric"].dropna().unique()
            self._run.save_view(study, arms_view(study, comparison, claimed, runs))

    def _findings(self, study: str, findings: Any) -> None:
        self._artifact(study, "findings")

    def _advice(self, study: str, advice: Any) -> None:
        self._artifact(study, "advice", "advice")

    def _sweep_plan(self, study: str, plan: Any) -> None:
        self._tree.log_tags({"sweep": plan["name"]})
        self._tree.log_artifact(self._path(study, "sweep_plan") / f"{plan['name']}.json")

    def _sweep_report(self, study: str, report: Any) -> None:
        self._searched = report
        self._tree.log_artifact(self._path(study, "sweep_report") / report.folder, "sweep")

    def _confirmation(self, study: str, confirmation: Any) -> None:
        self._artifact(study, "confirmation")

    def _report(self, study: str, content: Any) -> None:
        self._artifact(study, "report", "report")

    def _artifact(self, study: str, kind: str, folder: str | None = None) -> None:
        self._tree.log_artifact(self._path(study, kind), folder)

    def _path(self, study: str, kind: str) -> Path:
        """Where the catalog keeps a dataset."""
        assert self._context is not None
        path = Path(str(self._catalog[f"{study}.{kind}"]._filepath))
        return path if path.is_absolute() else Path(self._context.project_path) / path

    def _page(self, study: str, kind: str) -> str:
        """Address of a report that a browser opens."""
        return (self._path(study, kind) / "index.html").as_uri()

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
        self._show_verdicts(study, verdicts, advice, pooled)

    def _show_verdicts(
        self, study: str, verdicts: Any, where: Mapping[str, str], pooled: Any = None
    ) -> None:
        from latentlab.reporting import print_verdicts

        print_verdicts(
            verdicts,
            {
                **where,
                "report": self._page(study, "report"),
                "MLflow": self._run.page,
                **({"arms": self._run.view} if self._run.view else {}),
                "pipelines": "make viz",
            },
            pooled=pooled,
        )

    def _show_findings(self, study: str) -> None:
        from latentlab.reporting.terminal import print_lines

        findings = self._catalog.load(f"{study}.findings")
        print_lines(
            [
                f"{row.severity}: {row.name} ({row.rule}). {row.text}"
                for row in findings.itertuples()
            ],
            {
                "report": self._page(study, "report"),
                "MLflow": self._run.page,
            },
        )

    def _show_sweep(self, study: str, report: Any) -> None:
        from latentlab.reporting.terminal import print_lines

        folder = self._path(study, "sweep_report") / report.folder
        print_lines(
            report.lines(),
            {
                "report": (folder / "index.html").as_uri(),
                "MLflow": self._run.page,
            }
            | {one.name: one.run for one in report.next_sweeps if one.text},
        )


_WRITERS: dict[str, Callable[[TrackingHook, str, Any], None]] = {
    "trials": TrackingHook._trials,
    "history": TrackingHook._history,
    "scores": TrackingHook._scores,
    "champion": TrackingHook._champion,
    "verdicts": TrackingHook._verdicts,
    "pooled_verdicts": TrackingHook._pooled_verdicts,
    "comparison": TrackingHook._comparison,
    "findings": TrackingHook._findings,
    "advice": TrackingHook._advice,
    "report": TrackingHook._report,
    "sweep_plan": TrackingHook._sweep_plan,
    "sweep_trials": TrackingHook._trials,
    "sweep_history": TrackingHook._history,
    "sweep_scores": TrackingHook._searched_scores,
    "sweep_report": TrackingHook._sweep_report,
    "confirmation": TrackingHook._confirmation,
    "confirmation_trials": TrackingHook._trials,
    "confirmation_history": TrackingHook._history,
    "confirmation_scores": TrackingHook._searched_scores,
}


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


def _is_small(folder: Path) -> bool:
    """Whether what a program wrote is copied into the store: little, and no links to elsewhere."""
    files = list(folder.rglob("*"))
    linked = any(path.is_symlink() for path in files)
    return not linked and sum(path.stat().st_size for path in files) <= LARGEST_FOLDER


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:16]
