"""The whole analysis of a finished sweep: matrix, screening, effects, audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from latentlab.core.file_names import file_name
from latentlab.runs.audit.findings import Finding, findings_table
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.audit import design, results
from latentlab.search.effects.bounds import bounds
from latentlab.search.effects.categorical_effects import (
    boolean_effects,
    categorical_detail,
    categorical_summary,
)
from latentlab.search.effects.convergence import convergence, progress
from latentlab.search.effects.cost import cost
from latentlab.search.effects.coverage import coverage, space_size
from latentlab.search.effects.elites import elite_choices, elite_spans
from latentlab.search.effects.failures import failure_tests, failures
from latentlab.search.effects.importances import importances
from latentlab.search.effects.pareto import pareto_front
from latentlab.search.effects.ranges import empirical_ranges
from latentlab.search.effects.rank_correlations import rank_correlations
from latentlab.search.effects.selection_bias import selection_bias_by_branch, winner
from latentlab.search.effects.sensitivity import sensitivity
from latentlab.search.effects.slices import chosen_pairs, contour, slices
from latentlab.search.matrix import SweepMatrix, sweep_matrix
from latentlab.search.screening import NullDistribution, Screening, screen
from latentlab.search.table import SweepTable


@dataclass(frozen=True)
class Analysis:
    """Everything that the analysis of a sweep found, as tidy tables.

    Attributes:
        name: of the sweep.
        settings: that it was made with.
        screening: one test per parameter: which ones matter.
        rank_correlations: numbers and ordered choices; see `rank_correlations`.
        booleans: see `categorical_effects.boolean_effects`.
        categorical_summary: see `categorical_effects.categorical_summary`.
        categorical_detail: see `categorical_effects.categorical_detail`.
        elite_choices: see `elites.elite_choices`.
        elite_spans: see `elites.elite_spans`.
        bounds: see `bounds.bounds`.
        importances: see `importances.importances`.
        ranges: see `ranges.empirical_ranges`.
        convergence: see `convergence.convergence`.
        progress: see `convergence.progress`.
        coverage: see `coverage.coverage`.
        space_size: see `coverage.space_size`.
        cost: see `cost.cost`.
        failures: see `failures.failures`.
        failure_tests: see `failures.failure_tests`.
        winner: see `selection_bias.winner`.
        selection_bias: see `selection_bias.selection_bias_by_branch`.
        pareto: see `pareto.pareto_front`; None with a single objective.
        slices: see `slices.slices`.
        contours: see `slices.contour`, by pair of parameters.
        sensitivity: see `sensitivity.sensitivity`.
        rows: every configuration with its parameters and outcomes, and whether it is an `elite`.
        findings: what to beware of.
    """

    name: str
    settings: AnalysisSettings
    screening: Screening
    rank_correlations: pd.DataFrame
    booleans: pd.DataFrame
    categorical_summary: pd.DataFrame
    categorical_detail: pd.DataFrame
    elite_choices: pd.DataFrame
    elite_spans: pd.DataFrame
    bounds: pd.DataFrame
    importances: pd.DataFrame
    ranges: pd.DataFrame
    convergence: pd.DataFrame
    progress: pd.DataFrame
    coverage: pd.DataFrame
    space_size: pd.DataFrame
    cost: pd.DataFrame
    failures: pd.DataFrame
    failure_tests: pd.DataFrame
    winner: pd.DataFrame
    selection_bias: pd.DataFrame
    pareto: pd.DataFrame | None
    slices: pd.DataFrame
    contours: dict[tuple[str, str], pd.DataFrame]
    sensitivity: pd.DataFrame
    rows: pd.DataFrame
    findings: tuple[Finding, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by the name of their file."""
        named = {
            "screening": self.screening.frame(),
            "directionality_continuous": self.rank_correlations,
            "directionality_boolean": self.booleans,
            "directionality_categorical_detail": self.categorical_detail,
            "directionality_categorical_summary": self.categorical_summary,
            "elite_choices": self.elite_choices,
            "elite_spans": self.elite_spans,
            "boundaries": self.bounds,
            "param_importances": self.importances,
            "empirical_ranges": self.ranges,
            "convergence": self.convergence,
            "progress": self.progress,
            "coverage": self.coverage,
            "space_size": self.space_size,
            "compute": self.cost,
            "failures": self.failures,
            "failure_tests": self.failure_tests,
            "winner": self.winner,
            "selection_bias": self.selection_bias,
            "slices": self.slices,
            "sensitivity": self.sensitivity,
            "rows": self.rows,
            "findings": findings_table(self.findings),
        }
        if self.pareto is not None:
            named["pareto_front"] = self.pareto
        for (first, second), data in self.contours.items():
            named[file_name(f"contour_data_{first}_vs_{second}", named)] = data
        return named


def analyse(
    table: SweepTable,
    settings: AnalysisSettings | None = None,
    null: NullDistribution | None = None,
) -> Analysis:
    """Analyse a finished sweep; the first objective where there are several.

    Args:
        table: the sweep.
        settings: none for the defaults.
        null: where null replicates of the screening come from; none: as the settings say.

    Returns:
        The same for the same arguments.

    Raises:
        UserError: no configuration ran to its end, or a value lies outside the space.
    """
    settings = settings or AnalysisSettings()
    null = null or NullDistribution(
        permutations=settings.resamples, seed=settings.seed, minutes=settings.minutes
    )
    matrix = sweep_matrix(table)
    rows = matrix.finished
    screening = screen(matrix, null, elite_share=settings.elite_share, near=settings.zone)
    correlations = rank_correlations(rows, settings)
    shares = importances(rows, settings)
    pairs = chosen_pairs(shares, settings.strongest, settings.contours)
    curve = convergence(table)
    detail = categorical_detail(rows, settings)
    choices = elite_choices(rows, settings)
    at_bounds = bounds(rows, settings, screening)
    states, losses = failures(table), failure_tests(table, settings)
    best, branches = winner(table, rows), selection_bias_by_branch(table, rows, settings)
    findings = [
        *design.adaptive_findings(rows),
        *design.budget_findings(detail),
        *design.loss_findings(states, losses, table),
        *design.copy_findings(table, matrix),
        *design.seed_findings(table),
        *design.inactive_findings(table),
        *results.family_findings(screening),
        *results.collinear_findings(screening),
        *results.power_findings(correlations, screening),
        *results.conditional_findings(correlations, len(rows)),
        *results.attainable_findings(correlations),
        *results.plateau_findings(rows),
        *results.winner_findings(best),
        *results.noise_findings(best),
        *results.branch_findings(branches),
        *results.elite_findings(choices, screening),
        *results.boundary_findings(at_bounds, screening),
        *results.importance_findings(shares, screening),
    ]
    tiers = {name: test.tier for name, test in screening.tests.items()}
    return Analysis(
        name=table.name,
        settings=settings,
        screening=screening,
        rank_correlations=_with_tiers(correlations, tiers),
        booleans=_with_tiers(boolean_effects(rows, settings), tiers),
        categorical_summary=_with_tiers(categorical_summary(rows, settings), tiers),
        categorical_detail=detail,
        elite_choices=choices,
        elite_spans=elite_spans(rows, settings),
        bounds=at_bounds,
        importances=shares,
        ranges=empirical_ranges(rows, settings),
        convergence=curve,
        progress=progress(curve),
        coverage=coverage(rows, settings),
        space_size=space_size(table.space, rows, settings),
        cost=cost(table, settings.devices),
        failures=states,
        failure_tests=losses,
        winner=best,
        selection_bias=branches,
        pareto=pareto_front(table) if len(table.objectives) > 1 else None,
        slices=slices(rows),
        contours={pair: contour(rows, *pair) for pair in pairs},
        sensitivity=sensitivity(table, settings),
        rows=_all_rows(table, rows, settings),
        findings=tuple(findings),
    )


def _with_tiers(table: pd.DataFrame, tiers: Mapping[str, str]) -> pd.DataFrame:
    """A description with what the screening calls each parameter."""
    return table.assign(tier=table["parameter"].map(tiers))


def _all_rows(table: SweepTable, rows: SweepMatrix, settings: AnalysisSettings) -> pd.DataFrame:
    elite = rows.numbers[rows.elites(settings.elite_share)]
    joined = pd.concat([table.parameters[list(rows.columns)], table.outcomes], axis=1)
    joined = joined.assign(elite=joined.index.isin(elite))
    return joined.rename_axis("configuration").reset_index()
