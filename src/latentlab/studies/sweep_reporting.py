"""Puts the analysis of a sweep, its confirmation and the next sweeps together."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from latentlab.search.analysis import analyse
from latentlab.search.reading.sources import ForeignSweep
from latentlab.search.report.composition import SweepReport
from latentlab.search.stored import SweepArchive
from latentlab.search.table import SweepTable
from latentlab.studies.composition import command, git_state, package_versions
from latentlab.studies.declaration import Declaration
from latentlab.studies.study import Study
from latentlab.studies.sweep_settings import SweepsConfig


def report_sweep(
    study: Study,
    declaration: Declaration,
    sweeps: SweepsConfig,
    latest: SweepTable,
    archive: SweepArchive,
    confirmation: pd.DataFrame,
    root: Path,
) -> SweepReport:
    """The report of the sweep that `<study>.sweep` names.

    Args:
        study: whose sweep it is.
        declaration: names the sweep.
        sweeps: names another one to compare with, or none.
        latest: the sweep that ran last.
        archive: all finished sweeps of the study.
        confirmation: of the sweep that ran last, as from `confirmation_table`.
        root: of the project.

    Raises:
        UserError: the sweep has not been run, or nothing in it has a score.
    """
    name = declaration.sweep
    table = latest if latest.name == name else archive.table(name)
    confirmed = confirmation[confirmation["sweep"] == name]
    return SweepReport(
        title=study.title,
        table=table,
        analysis=analyse(table),
        confirmation=confirmed if len(confirmed) else None,
        notes=table.notes,
        reproduce=_reproduction(table),
    )


def report_foreign(table: SweepTable, chosen: ForeignSweep) -> SweepReport:
    """The report of a sweep that this project did not run."""
    return SweepReport(
        title="Analysis",
        table=table,
        analysis=analyse(table, chosen.settings),
        notes=table.notes,
        reproduce=_reproduction(table) | {"source": str(chosen.source)},
    )


def _reproduction(table: SweepTable) -> dict[str, str]:
    return {
        "command": command(),
        "git": git_state(),
        "packages": package_versions(),
        "sweep": table.name,
        "sampler": table.sampler,
        "space": table.space.digest,
    }
