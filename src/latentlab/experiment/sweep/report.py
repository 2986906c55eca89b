"""Puts the analysis of a sweep, its confirmation and the next sweeps together."""

from __future__ import annotations

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.core.file_names import file_name
from latentlab.core.provenance import provenance
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

MODES: tuple[Mode, ...] = ("conservative", "aggressive")

FIRST_COMPARISON_SEED = 3000
"""A candidate is compared on seeds that neither a search nor its confirmation used."""


def report_sweep(
    sweep: Sweep,
    compare_with: str | None,
    latest: SweepTable,
    archive: SweepArchive,
    confirmation: pd.DataFrame,
) -> SweepReport:
    """The report of a sweep of a study.

    Args:
        sweep: as it was planned.
        compare_with: another finished sweep of the study, or none.
        latest: the sweep that ran last.
        archive: all finished sweeps of the study.
        confirmation: of the sweep that ran last, as from `confirmation_table`.

    Raises:
        UserError: the sweep has not been run, or nothing in it has a score.
    """
    table = latest if latest.name == sweep.name else archive.table(sweep.name)
    confirmed = confirmation[confirmation["sweep"] == sweep.name]
    analysis = analyse(table, null=NullDistribution(archive.noise))
    return SweepReport(
        title=sweep.study.title,
        table=table,
        analysis=analysis,
        next_sweeps=_next_sweeps(analysis.screening, sweep.settings, sweep.study.name),
        confirmation=confirmed if len(confirmed) else None,
        comparison=None if compare_with is None else compare(archive.table(compare_with), table),
        notes=table.notes,
        reproduce=_reproduction(table),
    )


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
        next_sweeps=_next_sweeps(analysis.screening, settings, "<study>"),
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
        found.append(NextSweep(f"{base}_{mode}", mode, refinement.frame(), text))
    return found


def comparison_command(study: str, name: str, new: Scalar, old: Scalar) -> str:
    """The command that trains two values of a parameter on the same fresh seeds."""
    arms = ",".join(
        f"{study}.arms.{arm}.{name}={format_value(value)}"
        for arm, value in (("new", new), ("old", old))
    )
    seeds = f"{study}.seeds.first={FIRST_COMPARISON_SEED}"
    return f"kedro run --pipelines {study} --params {arms},{seeds}"


def _reproduction(table: SweepTable) -> dict[str, str]:
    return {
        **provenance(),
        "sweep": table.name,
        "sampler": table.sampler,
        "space": table.space.digest,
    }
