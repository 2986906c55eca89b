"""Puts the analysis of a sweep, its confirmation and the next sweeps together."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.report import command, git_state, package_versions
from latentlab.experiment.study import Study
from latentlab.experiment.sweep.file import load_sweep
from latentlab.experiment.sweep.settings import SweepsConfig
from latentlab.search.analysis import analyse
from latentlab.search.archive import SweepArchive
from latentlab.search.formatting import format_value
from latentlab.search.importers.sources import ForeignSweep
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
    settings = load_sweep(study, declaration, sweeps.folders, root).settings
    confirmed = confirmation[confirmation["sweep"] == name]
    other = sweeps.compare_with
    analysis = analyse(table, null=NullDistribution(archive.noise))
    return SweepReport(
        title=study.title,
        table=table,
        analysis=analysis,
        next_sweeps=_next_sweeps(analysis.screening, settings, study.name),
        confirmation=confirmed if len(confirmed) else None,
        comparison=None if other is None else compare(archive.table(other), table),
        notes=table.notes,
        reproduce=_reproduction(table),
    )


def report_foreign(table: SweepTable, chosen: ForeignSweep) -> SweepReport:
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
        name = screening.rows.name
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
        "command": command(),
        "git": git_state(),
        "packages": package_versions(),
        "sweep": table.name,
        "sampler": table.sampler,
        "space": table.space.digest,
    }
