"""The parts of a study's report, each from one table, and their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.metrics.metric import Metric
from latentlab.reporting.cells import Cell
from latentlab.reporting.claims import claim_table, unfoldings
from latentlab.reporting.document import Document, Item, Section
from latentlab.reporting.forest_row import common_interval
from latentlab.reporting.formatting import format_share
from latentlab.reporting.means import means_table, shade_legend
from latentlab.reporting.pooled import left_out_text, pooled_facts, pooled_names
from latentlab.reporting.tables import differences_table, metric_note
from latentlab.reporting.verdict_cells import verdict_rows
from latentlab.reporting.verdict_prose import (
    REHEARSAL,
    next_step,
    pooled_sentence,
    status_sentence,
    verdict_sentence,
)

if TYPE_CHECKING:
    from PIL import Image

    from latentlab.reporting.rendering import Figure


def study_document(
    *,
    title: str,
    question: str,
    verdicts: pd.DataFrame,
    comparison: pd.DataFrame,
    pooled: pd.DataFrame | None = None,
    rehearsal: bool = False,
    summary: Sequence[str] = (),
    figures: Mapping[str, tuple[Figure, str]] | None = None,
    findings: Sequence[Section] = (),
    deviations: Sequence[str] = (),
    metrics: Sequence[Metric] = (),
    reproduce: Mapping[str, str] | None = None,
    data_card: Mapping[str, object] | None = None,
    preview: Image.Image | None = None,
) -> Document:
    """Put the report of a study together, in the order in which a reader asks.

    Args:
        title: name of the study, for people.
        question: what the study asks, one sentence.
        verdicts: the table of verdicts.
        comparison: result of `comparison_table`.
        pooled: the table of pooled verdicts; none or empty where there is one problem.
        rehearsal: whether the verdicts only try the pipeline.
        summary: what was run, in sentences.
        figures: title to (figure, caption); plotly figures or pictures, in order.
        findings: sections of what was found beside the verdicts.
        deviations: what did not go as planned; result of `deviations`.
        metrics: definitions of the metrics that appear.
        reproduce: what was run and where (command, versions, git state, digests, device, plan,
            data fingerprint), as text by name.
        data_card: facts about the data, by name.
        preview: a picture of some examples.

    Raises:
        UserError: there are neither verdicts nor a comparison.
    """
    if verdicts.empty and comparison.empty:
        raise UserError(
            f"There is nothing to report for '{title}': no verdicts and no comparison",
            "Run the evaluation before the report.",
        )
    sections = [verdict_section(verdicts)]
    if summary:
        sections.append(Section("What was run", summary, anchor="run"))
    tables = {"tables/verdicts.csv": verdicts, "tables/comparison.csv": comparison}
    if pooled is not None and len(pooled):
        sections.append(pooled_section(pooled))
        tables["tables/pooled_verdicts.csv"] = pooled
    sections.append(comparison_section(comparison))
    if figures:
        sections.append(Section("Figures", figures=figures))
    sections += [*findings, deviations_section(deviations)]
    if metrics:
        sections.append(metrics_section(metrics))
    if data_card or preview is not None:
        sections.append(data_section(data_card or {}, preview))
    counts = [status_sentence(verdicts)] if len(verdicts) else []
    if rehearsal:
        counts.append(REHEARSAL)
    return Document(title, question, counts, sections, tables, reproduce=reproduce or {})


def verdict_section(verdicts: pd.DataFrame) -> Section:
    """A row a claim that unfolds to how it was decided, and what may honestly be done next."""
    rows = verdict_rows(verdicts)
    if not rows:
        return Section(
            "Verdicts",
            ["No hypothesis was declared for this study, so nothing here is a tested claim."],
        )
    following = next_step(verdicts)
    return Section(
        "Verdicts",
        table=claim_table(verdicts),
        unfoldings=unfoldings(verdicts, "claim", verdict_sentence),
        note="Effects are in the unit below them and oriented: positive is better. The line in the "
        "middle of a picture is zero, the dashed one the boundary of the claim. A verdict "
        f"follows from the adjusted p-values alone; the interval is the {common_interval(rows)} "
        f"that matches the test before the correction{_but_of_trends(verdicts)}. A p-value above "
        "alpha refutes nothing: such a question stays open, and more seeds are how many it needs.",
        sections=[Section("What to do next", [following], anchor="next")] if following else [],
    )


def _but_of_trends(verdicts: pd.DataFrame) -> str:
    """Say of which verdicts the interval is not the test's."""
    if "monotone" not in set(verdicts["kind"]):
        return ""
    return (
        "; of a trend it is that of the seeds' mean correlation, while the test asks whether arms "
        "in random order would rise as much"
    )


def pooled_section(pooled: pd.DataFrame) -> Section:
    """What the problems say together, at least one verdict."""
    names = f"Pooled over {', '.join(pooled_names(pooled))}."
    left_out = left_out_text(pooled)
    return Section(
        "Over all problems run so far",
        [f"{names} Left out: {left_out}." if left_out else names],
        table=claim_table(pooled),
        unfoldings=unfoldings(pooled, "pooled", pooled_sentence, pooled_facts),
        note="The pooled effect is the mean of the problems' effects with equal weights, its error "
        "comes from within the problems: it speaks of training anew on these problems, not of "
        "other problems. Where they differ, it is an average of unlike problems. Scores are pooled "
        "in the metric's own unit; seeds are those of each problem.",
        anchor="pooled",
    )


def comparison_section(comparison: pd.DataFrame) -> Section:
    """The means of every arm, and their paired differences from the control."""
    title, anchor = "Comparison of the arms", "comparison"
    if comparison.empty:
        return Section(title, ["There are no scores to compare."], anchor=anchor)
    control = str(comparison.loc[comparison["is_control"].astype(bool), "arm"].iloc[0])
    level = format_share(float(comparison["level"].iloc[0]))
    parts = [
        Section(
            "Means over seeds",
            table=means_table(comparison),
            legend=shade_legend(),
            note=f"Shades: the paired difference from {control} in its standard deviations (SD), "
            f"better or worse by the metric's direction. A mark (▲ better, ▼ worse, ≠ where "
            f"neither is) stands where its unadjusted {level} interval excludes zero; with this "
            "many comparisons some do by chance, so only the verdicts above are tested claims. "
            f"Intervals, unadjusted {level} t intervals of the mean, appear where a cell is "
            f"pointed at. Split: {', '.join(comparison['split'].unique())}; diverged trials are "
            "left out.",
        ),
        Section(
            f"Paired differences from {control}",
            table=differences_table(comparison),
            group="metric",
            note=f"Arm minus {control} over the seeds that both have, in the metric's own unit. "
            '"differs (unadjusted)" marks an interval that excludes zero. No mark means: not told '
            "apart by these seeds.",
            folded=True,
        ),
    ]
    alone = comparison["is_control"].astype(bool).all()
    return Section(title, sections=parts[:1] if alone else parts, anchor=anchor)


def deviations_section(deviations: Sequence[str]) -> Section:
    """Everything that differs from the plan, or that nothing does."""
    title, anchor = "What did not go as planned", "deviations"
    if deviations:
        return Section(title, items=[Item(sentence) for sentence in deviations], anchor=anchor)
    return Section(
        title,
        [
            "Nothing was recorded: every trial finished, every pair is complete, and every verdict "
            "is confirmatory."
        ],
        anchor=anchor,
    )


def metrics_section(metrics: Sequence[Metric]) -> Section:
    """What each metric is, with its unit, direction and source."""
    facts = {}
    for metric in metrics:
        note = metric_note(vars(metric))
        detail = f"{note}; {metric.source}" if metric.source else note
        facts[metric.name] = Cell(metric.definition, (detail,))
    return Section("Metrics", facts=facts)


def data_section(card: Mapping[str, object], preview: Image.Image | None) -> Section:
    """Facts about the data, and some examples."""
    shown = {} if preview is None else {"Examples": (preview, "Some examples of the data.")}
    return Section("Data", facts=card, figures=shown)
