"""From runs that exist to verdicts and a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import yaml

from latentlab.core.databases import shown
from latentlab.core.provenance import provenance
from latentlab.evidence.hypotheses import Hypotheses, read_hypotheses
from latentlab.evidence.standing import JudgeStanding, unregistered
from latentlab.evidence.verdicts import judge
from latentlab.reporting.deviations import deviations
from latentlab.reporting.document import Document, Section
from latentlab.reporting.formatting import plural
from latentlab.reporting.sections import study_document
from latentlab.reporting.tables import comparison_table
from latentlab.reporting.verdict_prose import verdict_deviations
from latentlab.runs.audit.findings import findings_table
from latentlab.runs.audit.printed.audit import audit_printed
from latentlab.runs.audit.registry import audit
from latentlab.runs.audit.sections import audit_section, audit_sentence
from latentlab.runs.importers.importer import RunsOf
from latentlab.runs.judging.arms import Arms, arms_of, control_of
from latentlab.runs.judging.auditing import audited_runs
from latentlab.runs.judging.claims import default_claims, read_claims
from latentlab.runs.judging.next_runs import next_section, next_sentences, open_claims
from latentlab.runs.judging.pairing import pairings
from latentlab.runs.judging.reading import Measured, measured, read_runs
from latentlab.runs.judging.registering import standing_of
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.runs.judging.trials import lost_runs, runs_table, scores_of, trials_of
from latentlab.runs.run_table import RunTable
from latentlab.runs.setting_names import setting


@dataclass(frozen=True)
class JudgedRuns:
    """What runs that exist say.

    Attributes:
        verdicts: one row per claim.
        comparison: means and differences of all metrics, as `comparison_table` gives them.
        findings: of the audit of runs and verdicts, as `findings_table` gives them.
        document: the report.
        scores: what was judged: trial_id, arm, seed, split, metric, value.
        said: what was read, guessed and left out, one sentence each.
    """

    verdicts: pd.DataFrame
    comparison: pd.DataFrame
    findings: pd.DataFrame
    document: Document
    scores: pd.DataFrame
    said: tuple[str, ...]


def judge_runs(chosen: EvidenceSettings, root: Path, runs_of: RunsOf) -> JudgedRuns:
    """Judge runs of any origin; without claims that were registered, verdicts are exploratory.

    Args:
        chosen: which runs, and what of them is what.
        root: what relative paths are relative to.
        runs_of: the runs of an experiment of MLflow as a table, by its name.

    Raises:
        UserError: the runs, the claims or what a report prints cannot be read, or it is not clear
            what is meant.
    """
    printed = [] if chosen.printed is None else audit_printed(root / chosen.printed)[1]
    runs = read_runs(chosen, root, runs_of)
    arms = arms_of(runs, chosen.arm)
    metrics = measured(runs, chosen)
    trials, repeated = trials_of(runs, arms)
    scores = scores_of(runs, metrics, trials)
    first = metrics[0]
    lost, paired = lost_runs(scores, trials, metrics), []
    if chosen.claims is None:
        control = control_of(arms, chosen.control, runs.name)
        assert first.metric.better != "none"
        declared = default_claims(
            runs.name, first.metric.name, first.split, first.metric.better, arms, control
        )
        hypotheses, texts = read_hypotheses(declared, "claims"), {"claims.yml": _yaml(declared)}
        paired = [line for one in pairings(arms, control) if (line := one.sentence())]
    else:
        hypotheses, texts = read_claims(root / chosen.claims), {}
        control = _control_of_claims(hypotheses, chosen.control, arms, runs.name)
    known = {one.metric.name: one.metric for one in metrics}
    standing: JudgeStanding = unregistered
    if chosen.claims is not None:
        standing = standing_of(root / chosen.claims, hypotheses, known, trials, scores)
    verdicts = judge(scores, hypotheses, known, trials, standing)
    # Fresh seeds of these runs are somebody else's command.
    verdicts = verdicts.assign(command="")
    comparison = _comparison(scores, metrics, trials, control)
    block = _as_read(chosen, metrics, arms, runs, control)
    found = audit(audited_runs(runs, metrics, arms, control, verdicts))
    findings, undecided = findings_table(found.findings), open_claims(verdicts)
    said = (
        f"{plural(len(trials), 'run')} of {runs.name}: {plural(len(arms.names), 'arm')}, compared "
        f"with {control}.",
        *(f"{note[0].upper()}{note[1:]}." for note in (*runs.notes, *arms.notes, *repeated)),
        *(f"{note}." for note in (*lost, *paired)),
        audit_sentence(found),
        *next_sentences(undecided),
    )
    document = study_document(
        title=f"Evidence of {runs.name}",
        question=f"Which arms of {runs.name} differ from {control}?",
        verdicts=verdicts,
        comparison=comparison,
        summary=said,
        figures=_figures(scores, metrics, trials, arms),
        findings=[*next_section(undecided), audit_section(found), *printed],
        deviations=deviations(trials, verdicts)
        if arms.are_seeds
        else list(verdict_deviations(verdicts)),
        metrics=[one.metric for one in metrics],
        reproduce={**provenance(), "source": shown(str(chosen.source))},
    )
    sections = [
        *document.sections,
        Section("What was run of each arm", table=runs_table(trials, arms, scores, first)),
        Section(
            "How the runs were read",
            ["The block that says it; correct it in conf/base/parameters.yml or with --params."],
            facts={f"evidence.{key}": str(value) for key, value in block.items()},
        ),
    ]
    if texts:
        sections.append(_declaring(arms))
    tables = {**document.tables, "tables/findings.csv": findings}
    document = replace(document, sections=sections, tables=tables, texts=texts)
    return JudgedRuns(verdicts, comparison, findings, document, scores, said)


def _control_of_claims(hypotheses: Hypotheses, named: str | None, arms: Arms, source: str) -> str:
    """The arm that tables compare with: the one that is named, or that of the first claim."""
    if named is None:
        for claim in hypotheses.hypotheses.values():
            control = claim.arm_names().get("arms.control")
            if control in arms.names:
                return str(control)
    return control_of(arms, named, source)


def _comparison(
    scores: pd.DataFrame, metrics: list[Measured], trials: pd.DataFrame, control: str
) -> pd.DataFrame:
    parts = [
        comparison_table(scores, [one.metric], control, one.split, trials=trials) for one in metrics
    ]
    return pd.concat(parts, ignore_index=True)


def _figures(
    scores: pd.DataFrame, metrics: list[Measured], trials: pd.DataFrame, arms: Arms
) -> dict[str, tuple[object, str]]:
    from latentlab.reporting.figures import strip_plot

    pairs = " Lines join the arms of a seed." if arms.are_seeds else ""
    return {
        one.column: (
            strip_plot(scores, one.metric, split=one.split, arms=arms.names, trials=trials),
            f"One point a run, mean and 95 % t interval of each arm.{pairs}",
        )
        for one in metrics
    }


def _as_read(
    chosen: EvidenceSettings, metrics: list[Measured], arms: Arms, runs: RunTable, control: str
) -> dict[str, object]:
    """The settings as they were said or guessed."""
    guessed = {
        "metric": "+".join(one.column for one in metrics),
        "better": metrics[0].metric.better,
        "arm": "+".join(arms.columns),
        "control": control,
    }
    said = chosen.model_dump(exclude_none=True)
    return shown(
        {
            "source": chosen.source,
            **{k: v for k, v in said.items() if k not in guessed},
            **guessed,
        }
    )


def _declaring(arms: Arms) -> Section:
    return Section(
        "To declare these claims",
        [
            "Nobody had stated what these runs should show, so every verdict is exploratory: "
            "claims that are chosen after the runs are seen cannot be tested on them.",
            "claims.yml beside this page states them. Write the smallest effect that matters into "
            "it (min_effect) and status: confirmatory, register it (latentlab register "
            f"claims.yml), then run fresh seeds and judge those with {setting('claims')}.",
        ],
    )


def _yaml(declared: dict[str, object]) -> str:
    return str(yaml.safe_dump(declared, sort_keys=False, allow_unicode=True, width=100))
