"""Reads the runs that are to be judged, and guesses which of their metrics is meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from latentlab.core.errors import UserError
from latentlab.core.validation import nearest
from latentlab.metrics.metric import Better, Metric
from latentlab.reporting.formatting import plural
from latentlab.runs.importers.importer import Asked, Found, RunsOf
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.runs.judging.unreadable import refuse_columns_of_seeds, refuse_only_candidate
from latentlab.runs.metric_names import bare_names, better_of, split_of
from latentlab.runs.run_table import RunTable
from latentlab.runs.setting_names import setting
from latentlab.runs.sources import open_source


@dataclass(frozen=True)
class Measured:
    """A column of scores, and what it measures.

    Attributes:
        column: as the source calls it.
        split: which data it was measured on; `unsaid` where its name does not say it.
        metric: name without the split, and which way it is better.
    """

    column: str
    split: str
    metric: Metric


def read_runs(
    chosen: EvidenceSettings, root: Path, runs_of: RunsOf, *, every_score: bool = False
) -> RunTable:
    """Return the runs with their metrics, the one that claims are about in the first place.

    Args:
        chosen: what a person said of them.
        root: what relative paths are relative to.
        runs_of: the runs of an experiment of MLflow as a table, by its name.
        every_score: whether all scores are read where none is named.

    Raises:
        UserError: nothing was chosen, what was chosen cannot be read, a setting has no meaning for
            it, or it is not clear which metric is meant.
    """
    if chosen.source is None:
        raise UserError(
            f"{setting('source')} names no runs",
            "Give a file, a folder of runs, an Optuna storage or mlflow:<experiment>, as in "
            "--params evidence.source=runs.csv,evidence.metric=test_accuracy.",
        )
    asked = Asked(
        said=chosen,
        block="evidence",
        root=root,
        runs_of=runs_of,
        metrics=chosen.metric,
        better=chosen.better,
        arm=chosen.arm or (),
        started=chosen.started,
    )
    found = open_source(chosen.source, asked)
    runs = found.runs(_metrics(chosen, found, every_score))
    first = str(runs.values.columns[0])
    if runs.values[first].isna().all():
        raise UserError(
            f"{chosen.source}: none of the {plural(len(runs.values), 'run')} that ended has a "
            f"value of {first}",
            f"Name another column as {setting('metric')}, or wait for runs that finish.",
        )
    return runs


def _metrics(chosen: EvidenceSettings, found: Found, every: bool) -> list[str]:
    """Return the columns of scores: those that are named, all, or the one that is the test score.

    Raises:
        UserError: a named one is not there, or it is not clear which is meant.
    """
    known = found.known
    if chosen.metric is not None:
        if missing := [name for name in chosen.metric if name not in known]:
            raise UserError(
                f"{chosen.source}: {setting('metric')}: there is no {', '.join(missing)}",
                nearest(missing[0], known),
            )
        return chosen.metric
    # Beside scores trackers log rates, counts and flags, of which no better end is known.
    likely = sorted(found.likely(), key=lambda name: better_of(name) is None)
    if every and likely:
        return likely
    tested = [name for name in likely if split_of(name) == "test"]
    # One that is called a test score and holds no numbers is asked for, not passed over.
    tested = tested or [name for name in known if split_of(name) == "test" and better_of(name)]
    tested = tested or likely
    refuse_columns_of_seeds(chosen.source or "", found.known, tested)
    if not tested:
        refuse_only_candidate(found)
    if len(tested) != 1:
        seen = (
            f"{plural(len(tested), 'score')}, {', '.join(tested[:20])}"
            if tested
            else "no score is seen"
        )
        example = tested[0] if tested else "accuracy"
        raise UserError(
            f"{chosen.source}: which column is the metric? {seen[0].upper()}{seen[1:]}",
            f"Say {setting('metric', example)}, for example.",
        )
    return tested


def measured(runs: RunTable, chosen: EvidenceSettings, *, directed: bool = True) -> list[Measured]:
    """Return what the columns of scores measure, in their order.

    Args:
        runs: with their scores.
        chosen: which way the first one is better, and which are compared by ratios.
        directed: whether it must be known which way the first one is better.

    Raises:
        UserError: which way the first one is better is neither said nor in its name, or a metric
            that is to be compared by ratios is not there.
    """
    columns, better = [str(name) for name in runs.values], chosen.better
    ratios = chosen.ratios or []
    if missing := [name for name in ratios if name not in columns]:
        raise UserError(
            f"{runs.name}: {setting('ratios')}: {missing[0]} is none of the metrics",
            nearest(missing[0], columns),
        )
    bare = bare_names(columns)
    turned = {"maximize": "higher", "minimize": "lower"}
    found = []
    for position, column in enumerate(columns):
        direction = (runs.directions or {}).get(column)
        known: Better | None = better_of(column)
        if direction is not None:
            known = "higher" if direction == "maximize" else "lower"
        if position == 0:
            if better is not None and direction is not None and better != turned[direction]:
                raise UserError(
                    f"{runs.name}: {setting('better')}: {column} is to {direction} there",
                    f"Leave {setting('better')} out",
                )
            known = better or known
            if known is None and directed:
                raise UserError(
                    f"{runs.name}: is a higher or a lower {column} better?",
                    f"Say {setting('better', 'higher')} or {setting('better', 'lower')}.",
                )
        metric = Metric(
            bare[column],
            known or "none",
            "",
            f"The column {column} of {runs.name}",
            scale="log" if column in ratios else "linear",
        )
        found.append(Measured(column, split_of(column), metric))
    return found
