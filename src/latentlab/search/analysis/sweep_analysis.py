"""The whole analysis of a finished sweep, from its table."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from latentlab.search.analysis import audit_design, audit_results
from latentlab.search.analysis.boundaries import boundaries
from latentlab.search.analysis.choices import booleans, categorical_detail, categorical_summary
from latentlab.search.analysis.compute_spent import compute_spent
from latentlab.search.analysis.convergence import convergence, progress
from latentlab.search.analysis.coverage import coverage, space_size
from latentlab.search.analysis.directions import directions
from latentlab.search.analysis.elites import elite_choices, elite_rows, elite_spans
from latentlab.search.analysis.failures import failure_tests, failures
from latentlab.search.analysis.findings import Finding, findings_table
from latentlab.search.analysis.importances import importances
from latentlab.search.analysis.luck import luck_by_branch, luck_findings
from latentlab.search.analysis.noise import (
    NoiseSweeps,
    evidence_on_noise,
    familywise,
    null_shares,
    on_noise,
)
from latentlab.search.analysis.observations import Observations, observe
from latentlab.search.analysis.pareto import pareto_front
from latentlab.search.analysis.ranges import empirical_ranges
from latentlab.search.analysis.sensitivity import sensitivity
from latentlab.search.analysis.settings import AnalysisSettings
from latentlab.search.analysis.significance import family, with_tiers
from latentlab.search.analysis.surfaces import chosen_pairs, contour, slices
from latentlab.search.analysis.winner import winner
from latentlab.search.table import SweepTable


@dataclass(frozen=True)
class Analysis:
    """Everything that the analysis of a sweep found, as tidy tables.

    Attributes:
        name: of the sweep.
        settings: that it was made with.
        tests: the family of all main tests, one per parameter, with `holm`, `bh` and `tier`.
        directions: numbers and ordered choices; see `directions.directions`.
        booleans: see `choices.booleans`.
        categorical_summary: see `choices.categorical_summary`.
        categorical_detail: see `choices.categorical_detail`.
        elite_choices: see `elites.elite_choices`.
        elite_spans: see `elites.elite_spans`.
        boundaries: see `boundaries.boundaries`.
        importances: see `importances.importances`.
        ranges: see `ranges.empirical_ranges`.
        convergence: see `convergence.convergence`.
        progress: see `convergence.progress`.
        coverage: see `coverage.coverage`.
        space_size: see `coverage.space_size`.
        compute: see `compute_spent.compute_spent`.
        failures: see `failures.failures`.
        failure_tests: see `failures.failure_tests`.
        winner: see `winner.winner`.
        luck: see `luck.luck_by_branch`.
        pareto: see `pareto.pareto_front`; None with a single objective.
        slices: see `surfaces.slices`.
        contours: see `surfaces.contour`, by pair of parameters.
        sensitivity: see `sensitivity.sensitivity`.
        rows: every configuration with its parameters and outcomes, and whether it is an `elite`.
        findings: what to beware of.
    """

    name: str
    settings: AnalysisSettings
    tests: pd.DataFrame
    directions: pd.DataFrame
    booleans: pd.DataFrame
    categorical_summary: pd.DataFrame
    categorical_detail: pd.DataFrame
    elite_choices: pd.DataFrame
    elite_spans: pd.DataFrame
    boundaries: pd.DataFrame
    importances: pd.DataFrame
    ranges: pd.DataFrame
    convergence: pd.DataFrame
    progress: pd.DataFrame
    coverage: pd.DataFrame
    space_size: pd.DataFrame
    compute: pd.DataFrame
    failures: pd.DataFrame
    failure_tests: pd.DataFrame
    winner: pd.DataFrame
    luck: pd.DataFrame
    pareto: pd.DataFrame | None
    slices: pd.DataFrame
    contours: dict[tuple[str, str], pd.DataFrame]
    sensitivity: pd.DataFrame
    rows: pd.DataFrame
    findings: tuple[Finding, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by the name of their file."""
        named = {
            "tests": self.tests,
            "directionality_continuous": self.directions,
            "directionality_boolean": self.booleans,
            "directionality_categorical_detail": self.categorical_detail,
            "directionality_categorical_summary": self.categorical_summary,
            "elite_choices": self.elite_choices,
            "elite_spans": self.elite_spans,
            "boundaries": self.boundaries,
            "param_importances": self.importances,
            "empirical_ranges": self.ranges,
            "convergence": self.convergence,
            "progress": self.progress,
            "coverage": self.coverage,
            "space_size": self.space_size,
            "compute": self.compute,
            "failures": self.failures,
            "failure_tests": self.failure_tests,
            "winner": self.winner,
            "luck_by_branch": self.luck,
            "slices": self.slices,
            "sensitivity": self.sensitivity,
            "rows": self.rows,
            "findings": findings_table(self.findings),
        }
        if self.pareto is not None:
            named["pareto_front"] = self.pareto
        for (first, second), data in self.contours.items():
            named[f"contour_data_{first}_vs_{second}"] = data
        return named


def main_tests(rows: Observations, settings: AnalysisSettings) -> pd.DataFrame:
    """The family of an analysis: one test per parameter, corrected together."""
    return family(
        directions(rows, settings), booleans(rows, settings), categorical_summary(rows, settings)
    )


def analyse(
    table: SweepTable,
    settings: AnalysisSettings | None = None,
    noise: NoiseSweeps | None = None,
) -> Analysis:
    """Analyse a finished sweep; the first objective where there are several.

    Args:
        table: the sweep.
        settings: none for the defaults.
        noise: the sweep's sampler on noise, where it adapts: p-values of the family and the
            chances at the bounds are then taken from there.

    Returns:
        The same for the same arguments.

    Raises:
        UserError: no configuration ran to its end, or a value is none of its choices.
    """
    settings = settings or AnalysisSettings()
    rows = observe(table)
    by_number = directions(rows, settings)
    by_truth = booleans(rows, settings)
    by_choice = categorical_summary(rows, settings)
    at_bounds, joint = None, None
    if noise is not None:
        evidence = evidence_on_noise(rows, noise)
        by_number, by_truth, by_choice = (
            on_noise(one, evidence) for one in (by_number, by_truth, by_choice)
        )
        at_bounds, joint = null_shares(rows.columns, noise, settings), familywise(evidence)
    tests = family(by_number, by_truth, by_choice, familywise=joint)
    shares = importances(rows, settings)
    pairs = chosen_pairs(shares, settings.strongest, settings.contours)
    curve = convergence(table)
    detail = categorical_detail(rows, settings)
    choices = elite_choices(rows, settings)
    bounds = boundaries(rows, settings, at_bounds)
    states, losses = failures(table), failure_tests(table, settings)
    best, luck = winner(table, rows), luck_by_branch(table, rows, settings)
    findings = [
        *audit_design.adaptive_findings(table, rows, noise is not None),
        *audit_design.budget_findings(detail),
        *audit_design.loss_findings(states, losses, table),
        *audit_design.copy_findings(table, rows),
        *audit_design.seed_findings(table),
        *audit_design.inactive_findings(table),
        *audit_results.family_findings(tests),
        *audit_results.power_findings(by_number),
        *audit_results.conditional_findings(by_number, len(rows.values)),
        *audit_results.plateau_findings(rows),
        *audit_results.winner_findings(best),
        *luck_findings(luck),
        *audit_results.elite_findings(choices),
        *audit_results.boundary_findings(bounds),
        *audit_results.importance_findings(shares),
    ]
    return Analysis(
        name=table.name,
        settings=settings,
        tests=tests,
        directions=with_tiers(by_number, tests),
        booleans=with_tiers(by_truth, tests),
        categorical_summary=with_tiers(by_choice, tests),
        categorical_detail=detail,
        elite_choices=choices,
        elite_spans=elite_spans(rows, settings),
        boundaries=bounds,
        importances=shares,
        ranges=empirical_ranges(rows, settings),
        convergence=curve,
        progress=progress(curve),
        coverage=coverage(rows, settings),
        space_size=space_size(table.space, rows, settings),
        compute=compute_spent(table, settings.devices),
        failures=states,
        failure_tests=losses,
        winner=best,
        luck=luck,
        pareto=pareto_front(table) if len(table.objectives) > 1 else None,
        slices=slices(rows),
        contours={pair: contour(rows, *pair) for pair in pairs},
        sensitivity=sensitivity(table, settings),
        rows=_all_rows(table, rows, settings),
        findings=tuple(findings),
    )


def _all_rows(table: SweepTable, rows: Observations, settings: AnalysisSettings) -> pd.DataFrame:
    elite = rows.numbers[elite_rows(rows.scores, settings.elite_share)]
    joined = pd.concat([table.parameters[list(rows.columns)], table.outcomes], axis=1)
    joined = joined.assign(elite=joined.index.isin(elite))
    return joined.rename_axis("configuration").reset_index()
