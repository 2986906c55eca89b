"""A study's report: its tables and figures, what was run, and how to run it again."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from plotly.graph_objects import Figure

from latentlab.core.provenance import provenance
from latentlab.data.card import data_card
from latentlab.data.preview import draw_preview
from latentlab.experiment.auditing import audited_study
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.examination.examined import kept_sections
from latentlab.experiment.figures import figure_spec
from latentlab.experiment.programs.declaration import ProgramDeclaration
from latentlab.experiment.replication_table import replication_section, replication_table
from latentlab.experiment.same_data import require_same_data
from latentlab.experiment.study import Study
from latentlab.reporting import Document, Section, comparison_table, study_document
from latentlab.reporting.deviations import deviations
from latentlab.reporting.figures import critical_difference, strip_plot
from latentlab.reporting.verdict_cells import mean_ranks, verdict_rows
from latentlab.runs.audit.findings import findings_table
from latentlab.runs.audit.registry import audit
from latentlab.runs.audit.sections import audit_section
from latentlab.training.store import TrialStore


def compare(
    study: Study, declaration: Declaration, scores: pd.DataFrame, trials: pd.DataFrame
) -> pd.DataFrame:
    """Every metric of every arm, and the paired difference against the control.

    Scores of the weights are compared on the test split, times on the training split.
    """
    parts = []
    control = declaration.control(study.control)
    for split in ("test", "train"):
        present = set(scores.loc[scores["split"] == split, "metric"])
        metrics = [m for n, m in declaration.metric_table.items() if n in present]
        if metrics:
            parts.append(comparison_table(scores, metrics, control, split, trials=trials))
    return pd.concat(parts, ignore_index=True)


def build_report(
    study: Study,
    declaration: Declaration,
    made_from: Any,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    comparison: pd.DataFrame,
    champion: Mapping[str, Any],
    registered: Mapping[str, Any],
    pooled: pd.DataFrame,
    store: TrialStore,
    figures: Mapping[str, Figure],
    rehearsal: bool,
) -> Document:
    """Put the study's tables and figures together into its report.

    Args:
        study: whose report it is.
        declaration: its arms, metrics and claims.
        made_from: the data, whose card and preview are shown, or the program.
        trials: the table of trials.
        scores: trial_id, arm, seed, split, metric, value.
        verdicts: one row per hypothesis.
        comparison: from `compare`.
        champion: the registered model; empty without one.
        registered: which entry of the registration holds, from `holding`.
        pooled: verdicts pooled over problems; empty where there is one problem.
        store: where its trials are, and what examinations said of its arms.
        figures: those that the study names, by name.
        rehearsal: whether it only tries the pipeline.

    Raises:
        UserError: the trials were trained on other data, or there are neither verdicts nor a
            comparison.
    """
    require_same_data(study, trials, made_from.fingerprint)
    asked = study.question
    if isinstance(declaration, ProgramDeclaration):
        asked = declaration.question
    shown = {}
    for name in study.strips:
        metric = declaration.metric_table[name]
        shown[f"Seeds: {name}"] = (
            strip_plot(scores, metric, arms=list(declaration.configs), trials=trials),
            f"{metric.definition}. One point a seed, lines join the arms of a seed.",
        )
    for name, figure in figures.items():
        # The rows of the forest stand in the table of verdicts.
        if name != "verdicts":
            spec = figure_spec(study, name)
            shown[spec.title] = (figure, spec.caption)
    for row in verdict_rows(pooled):
        if mean_ranks(row):
            shown[f"Mean ranks: {row['hypothesis']}"] = (
                critical_difference(row),
                "Mean rank of each arm over the problems, with half of the critical difference to "
                "each side: arms whose bars do not overlap are told apart.",
            )
    beside = []
    replication = replication_table(comparison, study.reported.get(declaration.dataset, {}))
    if len(replication):
        beside.append(replication_section(replication))
    table = declaration.table(comparison, verdicts)
    if table is not None:
        caption = declaration.table_caption
        beside.append(Section(declaration.table_title, table=table, note=caption))
    if not study.runs_programs:
        beside += kept_sections(study, declaration, made_from.fingerprint, store)
    found = audit(
        audited_study(
            study.name,
            trials,
            scores,
            verdicts,
            declaration.metric_table,
            declaration.control(study.control),
        )
    )
    document = study_document(
        title=study.title,
        question=asked,
        verdicts=verdicts,
        comparison=comparison,
        pooled=pooled,
        rehearsal=rehearsal,
        summary=summary(declaration, trials, champion),
        figures=shown,
        findings=[*beside, audit_section(found)],
        deviations=deviations(trials, verdicts),
        metrics=tuple(declaration.metric_table.values()),
        reproduce=reproduction(trials, registered),
        data_card=made_from.card() if study.runs_programs else data_card(made_from),
        preview=None if study.runs_programs else draw_preview(made_from),
    )
    tables = {**document.tables, "tables/findings.csv": findings_table(found.findings)}
    return replace(document, tables=tables)


def summary(
    declaration: Declaration, trials: pd.DataFrame, champion: Mapping[str, Any]
) -> Sequence[str]:
    """What was run, in sentences."""
    seeds = trials["seed"].nunique()
    lines = [
        f"{len(declaration.configs)} arms with {seeds} seeds each, {len(trials)} trials on "
        f"{declaration.dataset}; arms of a seed {declaration.shared_by_arms}."
    ]
    stopping = declaration.hypotheses.stopping
    if stopping is not None:
        declared = ", ".join(map(str, stopping.looks))
        saved = (stopping.looks[-1] - seeds) * len(declaration.configs)
        taken = "all were taken"
        if saved:
            taken = f"after {seeds} no claim waited for more, so {saved} trials were not trained"
        lines.append(f"Looks were declared at {declared} seeds; {taken}.")
    if champion:
        lines.append(
            f"Registered model: {champion['arm']}, seed {champion['seed']}, chosen on "
            f"{champion['split']} by {champion['metric']} ({champion['value']:.4g}; its arm's mean "
            f"over {champion['arm_seeds']} seeds is {champion['arm_mean']:.4g})."
        )
    return lines


def reproduction(trials: pd.DataFrame, registered: Mapping[str, Any]) -> dict[str, str]:
    """What was run and where, as text by name."""
    return {
        **provenance(),
        "python": platform.python_version(),
        "device": ", ".join(sorted(trials["device"].unique())),
        "precision": ", ".join(sorted(trials["precision"].unique())),
        "plan": "; ".join(sorted(trials["plan"].unique())),
        "data fingerprint": ", ".join(sorted(trials["data"].unique())),
        "registered": f"{registered['at']}, entry {registered['entry'][:12]}",
        "trials reused": f"{int(trials['reused'].sum())} of {len(trials)}",
    }
