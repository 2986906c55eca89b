"""What a stage has saved becomes a part of the run tree, while the pipeline goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from latentlab.studies.registry import STUDIES
from latentlab.tracking.flatten import flatten

LARGEST_FOLDER = 1 << 20
"""Bytes of a program's folder that are logged with its run; a larger one stays where it is."""


class SavedTables:
    """The tables of one Kedro run, each written as it is saved.

    Args:
        run: the parent run.
        catalog: of the Kedro run.
        parameters: that its pipeline reads.
        project: folder of the project, from which paths of the catalog are seen.

    Attributes:
        verdicts: of this run, by study.
        sweep: the report of the sweep that was analysed, if one was.
    """

    def __init__(
        self, run: Any, catalog: Any, parameters: Mapping[str, Any], project: Path
    ) -> None:
        self._run = run
        self._catalog = catalog
        self._parameters = parameters
        self._project = project
        self.verdicts: dict[str, Any] = {}
        self.sweep: Any = None

    def write(self, study: str, kind: str, table: Any) -> None:
        """Write a table that was saved as `<study>.<kind>`, if it is one that is tracked."""
        if kind in _WRITERS:
            _WRITERS[kind](self, study, table)

    def path(self, study: str, kind: str) -> Path:
        """Where the catalog keeps a dataset."""
        path = Path(str(self._catalog[f"{study}.{kind}"]._filepath))
        return path if path.is_absolute() else self._project / path

    def _trials(self, study: str, trials: Any) -> None:
        from latentlab.training.per_trial import canonical_json

        # Beside the settings: two runs of a study are compared by both.
        self._run.tree.log_parameters(flatten(STUDIES[study].versions, f"{study}.versions"))
        digest = _digest(canonical_json(self._parameters.get(study, {})))
        self._run.tree.log_trials(study, trials, digest)
        if self._catalog.load("params:tracking").weights == "all":
            store = self._catalog.load(f"{study}.store")
            folders = {i: store.folder(i) for i in trials["trial_id"]}
            if STUDIES[study].runs_programs:
                folders = {i: folder for i, folder in folders.items() if _is_small(folder)}
            self._run.tree.log_folders(folders)

    def _history(self, study: str, history: Any) -> None:
        self._run.tree.log_history(history)

    def _scores(self, study: str, scores: Any) -> None:
        if not self._run.tree.has_children:
            # The stage runs alone: the trials of an earlier run stand under this one too.
            self._trials(study, self._catalog.load(f"{study}.trials").assign(reused=True))
        self._run.tree.log_scores(scores)

    def _searched_scores(self, study: str, scores: Any) -> None:
        self._run.tree.log_scores(scores)

    def _champion(self, study: str, champion: Mapping[str, Any]) -> None:
        from latentlab.tracking.registry import register_champion

        if not champion:
            return
        store = self._catalog.load(f"{study}.store")
        prepared = self._catalog.load(f"{study}.prepared")
        trial = champion["trial_id"]
        run = self._run.tree.child(trial) or self._run.tree.parent
        # Where the store is gone, the next run registers it.
        self._run.outbox.attempt(
            lambda _: register_champion(study, champion, store.folder(trial), prepared, run)
        )

    def _verdicts(self, study: str, verdicts: Any) -> None:
        self.verdicts[study] = verdicts
        self._run.tree.log_verdicts(study, verdicts)
        self._describe(study, verdicts)
        self._artifact(study, "verdicts")

    def _describe(self, study: str, verdicts: Any) -> None:
        from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

        from latentlab.tracking.description import run_description

        question = STUDIES[study].question if study in STUDIES else ""
        if study in STUDIES and STUDIES[study].runs_programs:
            question = self._catalog.load(f"params:{study}").question
        links = {"Report, tables and figures": self._run.artifacts}
        if self._run.tree.children_of(study):
            links["Arms side by side"] = self._run.view_of(study)
        text = run_description(question, verdicts, links)
        self._run.tree.log_tags({MLFLOW_RUN_NOTE: text})

    def _pooled_verdicts(self, study: str, pooled: Any) -> None:
        if len(pooled):
            self._run.tree.log_verdicts(study, pooled, "pooled_verdict")
            self._artifact(study, "pooled_verdicts")

    def _comparison(self, study: str, comparison: Any) -> None:
        from latentlab.reporting.tables import printed_comparison
        from latentlab.tracking.arms_view import arms_view, summary_metrics

        self._artifact(study, "comparison")
        self._run.tree.log_summary(summary_metrics(study, comparison))
        self._run.tree.log_table("comparison.json", printed_comparison(comparison))
        if runs := self._run.tree.children_of(study):
            claimed = self._catalog.load(f"{study}.verdicts")["metric"].dropna().unique()
            self._run.save_view(study, arms_view(study, comparison, claimed, runs))

    def _findings(self, study: str, findings: Any) -> None:
        self._artifact(study, "findings")

    def _advice(self, study: str, advice: Any) -> None:
        self._artifact(study, "advice", "advice")

    def _sweep_plan(self, study: str, plan: Any) -> None:
        self._run.tree.log_tags({"sweep": plan["name"]})
        self._run.tree.log_artifact(self.path(study, "sweep_plan") / f"{plan['name']}.json")

    def _sweep_report(self, study: str, report: Any) -> None:
        self.sweep = report
        self._run.tree.log_artifact(self.path(study, "sweep_report") / report.folder, "sweep")

    def _confirmation(self, study: str, confirmation: Any) -> None:
        self._artifact(study, "confirmation")

    def _report(self, study: str, content: Any) -> None:
        self._artifact(study, "report", "report")

    def _artifact(self, study: str, kind: str, folder: str | None = None) -> None:
        self._run.tree.log_artifact(self.path(study, kind), folder)


_WRITERS: dict[str, Callable[[SavedTables, str, Any], None]] = {
    "trials": SavedTables._trials,
    "history": SavedTables._history,
    "scores": SavedTables._scores,
    "champion": SavedTables._champion,
    "verdicts": SavedTables._verdicts,
    "pooled_verdicts": SavedTables._pooled_verdicts,
    "comparison": SavedTables._comparison,
    "findings": SavedTables._findings,
    "advice": SavedTables._advice,
    "report": SavedTables._report,
    "sweep_plan": SavedTables._sweep_plan,
    "sweep_trials": SavedTables._trials,
    "sweep_history": SavedTables._history,
    "sweep_scores": SavedTables._searched_scores,
    "sweep_report": SavedTables._sweep_report,
    "confirmation": SavedTables._confirmation,
    "confirmation_trials": SavedTables._trials,
    "confirmation_history": SavedTables._history,
    "confirmation_scores": SavedTables._searched_scores,
}


def _is_small(folder: Path) -> bool:
    """Whether what a program wrote is copied into the store: little, and no links to elsewhere."""
    files = list(folder.rglob("*"))
    linked = any(path.is_symlink() for path in files)
    return not linked and sum(path.stat().st_size for path in files) <= LARGEST_FOLDER


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
