"""Puts the analysis of a sweep, its confirmation and the next sweeps together."""

from __future__ import annotations

import shlex

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.core.file_names import file_name
from latentlab.core.provenance import provenance
from latentlab.experiment.sweep.confirmation import outcomes_by_seed
from latentlab.experiment.sweep.file import Sweep
from latentlab.search.analysis import analyse
from latentlab.search.archive import SweepArchive
from latentlab.search.formatting import format_value
from latentlab.search.imported_sweeps.source import ImportedSweep
from latentlab.search.parameters import Scalar
from latentlab.search.refine import Mode, compare, refine, sweep_file
from latentlab.search.report.composition import SweepReport
from latentlab.search.report.sections import NextSweep
from latentlab.search.screening import NullDistribution, Screening
from latentlab.search.settings import SweepSettings
from latentlab.search.table import SweepTable

ANY_STUDY = "<study>"
"""Stands for the study that may run what the analysis of an imported sweep proposes."""

MODES: tuple[Mode, ...] = ("conservative", "aggressive")

FIRST_COMPARISON_SEED = 3000
"""A candidate is compared on seeds that neither a search nor its confirmation used."""


def report_sweep(
    sweep: Sweep,
    compare_with: str | None,
    latest: SweepTable,
    archive: SweepArchive,
    confirmation: pd.DataFrame,
    scores: pd.DataFrame,
    rehearsal: bool,
) -> SweepReport:
    """The report of a sweep of a study.

    Args:
        sweep: as it was planned.
        compare_with: another finished sweep of the study, or none.
        latest: the sweep that ran last.
        archive: all finished sweeps of the study.
        confirmation: of the sweep that ran last, as from `confirmation_table`.
        scores: of the confirmation's trials, as from `score_trials`.
        rehearsal: whether the sweep only tries the pipeline.

    Raises:
        UserError: the sweep has not been run, or nothing in it has a score.
    """
    table = latest if latest.name == sweep.name else archive.table(sweep.name)
    other = compared_table(sweep, compare_with, archive)
    confirmed = confirmation[confirmation["sweep"] == sweep.name]
    analysis = analyse(table, null=NullDistribution(archive.noise))
    return SweepReport(
        title=sweep.study.title,
        table=table,
        analysis=analysis,
        next_sweeps=_next_sweeps(analysis.screening, sweep.settings, sweep.study.name),
        confirmation=confirmed if len(confirmed) else None,
        by_seed=outcomes_by_seed(sweep, scores) if len(confirmed) else None,
        comparison=None if other is None else compare(other, table),
        notes=table.notes,
        reproduce=_reproduction(table),
        rehearsal=rehearsal,
    )


def compared_table(
    sweep: Sweep, compare_with: str | None, archive: SweepArchive
) -> SweepTable | None:
    """Return the finished sweep that another one is compared with; none where none is named.

    Raises:
        UserError: there is none of this name, or it searched for something else.
    """
    if compare_with is None:
        return None
    try:
        table = archive.table(compare_with)
    except UserError as error:
        raise UserError(f"sweeps.compare_with: {error.what}", error.remedy) from error
    ours, theirs = sweep.objectives[0], table.objective
    if (ours.name, ours.direction) != (theirs.name, theirs.direction):
        raise UserError(
            f"sweeps.compare_with: {compare_with} searched for {theirs.name} ({theirs.direction}), "
            f"{sweep.name} searches for {ours.name} ({ours.direction})",
            "Compare sweeps of one objective",
        )
    return table


def report_imported(table: SweepTable, chosen: ImportedSweep) -> SweepReport:
    """The report of a sweep that this project did not run."""
    analysis = analyse(table, chosen.settings)
    settings = SweepSettings(
        method="random", configurations=len(table.outcomes), parameters=table.space.parameters
    )
    return SweepReport(
        title="Analysis",
        table=table,
        analysis=analysis,
        next_sweeps=_next_sweeps(analysis.screening, settings, ANY_STUDY),
        notes=table.notes,
        reproduce=_reproduction(table) | {"source": str(chosen.source)},
    )


def _next_sweeps(screening: Screening, settings: SweepSettings, study: str) -> list[NextSweep]:
    """Both refined spaces; one in which nothing is left to search is left out."""
    found = []
    for mode in MODES:
        refinement = refine(
            screening,
            mode,
            command=lambda name, new, old: comparison_command(study, name, new, old),
        )
        try:
            text = sweep_file(refinement, settings)
        except UserError:
            text = ""
        name = file_name(screening.rows.name)
        base = "refined" if name == "default" else name
        next_name = f"{base}_{mode}"
        run = f"kedro run --pipelines {study}_sweep --params {study}.sweep={next_name}"
        if study == ANY_STUDY:
            # No study finds it where it lies, beside the reports of analyses.
            run = f"copy {next_name}.yml to conf/local/{study}/sweeps/, then {run}"
        found.append(NextSweep(next_name, mode, refinement.frame(), text, run))
    return found


def comparison_command(study: str, name: str, new: Scalar, old: Scalar) -> str:
    """The command that trains two values of a parameter on the same fresh seeds."""
    arms = ",".join(
        f"{study}.arms.{arm}.{name}={format_value(value)}"
        for arm, value in (("new", new), ("old", old))
    )
    seeds = f"{study}.seeds.first={FIRST_COMPARISON_SEED}"
    # Quoted where a shell would read something into names that a foreign table brought.
    return f"kedro run --pipelines {study} --params {shlex.quote(f'{arms},{seeds}')}"


def _reproduction(table: SweepTable) -> dict[str, str]:
    return {
        **provenance(),
        "sweep": table.name,
        "sampler": table.sampler,
        "space": table.space.digest,
    }
