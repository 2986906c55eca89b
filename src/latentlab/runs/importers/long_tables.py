"""Long tables, a row a value of a metric, as tables with a row a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentlab.core.errors import UserError
from latentlab.runs.columns import numbers_of
from latentlab.runs.importers.importer import Asked
from latentlab.runs.importers.picking import pick_of
from latentlab.runs.setting_names import setting

_METRIC = ("metric", "metric_name", "measure", "variable")
_VALUE = ("value", "metric_value", "score")
_STEP = ("step", "epoch", "global_step", "iteration")
_RUN = ("run", "run_id", "run id", "run_name", "run_uuid", "trial", "trial_id", "id", "name")


@dataclass(frozen=True)
class Wide:
    """A table with a row a run.

    Attributes:
        frame: cells of text, rows counted from 1.
        metrics: its columns of scores, where the table was a long one; none of one that was not.
        notes: what was inferred, one sentence each.
    """

    frame: pd.DataFrame
    metrics: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


def widened(frame: pd.DataFrame, asked: Asked, where: str) -> Wide:
    """Return a table with a row a run, whichever kind it is.

    A table with a column of metrics' names and one of values is long where runs have several rows.
    Without a column that names the runs, rows that agree in everything but metric, value and step
    are one run.

    Raises:
        UserError: it may be either, or a long one has two values of one metric of a run.
    """
    columns = {str(name).lower(): str(name) for name in frame}
    metric, value, step, run = (
        next((columns[name] for name in called if name in columns), None)
        for called in (_METRIC, _VALUE, _STEP, _RUN)
    )
    if metric is None or value is None or asked.said.table == "wide":
        if asked.said.table == "long":
            raise UserError(
                f"{where}: a long table has a column metric and a column value, here are "
                f"{', '.join(map(str, frame))}",
                f"Rename them, or leave {setting('table', block=asked.block)} out",
            )
        if asked.said.value is not None:
            raise UserError(
                f"{where}: {setting('value', block=asked.block)} cannot be used of a table with "
                "one row a run",
                "Leave it out",
            )
        return Wide(frame)
    if asked.said.table is None and not _is_long(frame, metric, value, run, asked, where):
        return Wide(frame)
    return _wide(frame, (metric, value), step, run, asked, where)


def _is_long(
    frame: pd.DataFrame, metric: str, value: str, run: str | None, asked: Asked, where: str
) -> bool:
    """Whether rows are values.

    Raises:
        UserError: they may be runs as well.
    """
    if asked.metrics is not None:
        named, names = set(asked.metrics), set(frame[metric])
        if named <= names or named <= set(map(str, frame)):
            return named <= names
    if run is not None:
        return bool(frame[run].duplicated().any())
    listed = ", ".join(list(pd.unique(frame[metric]))[:5])
    raise UserError(
        f"{where}: a row may be a value of one of the metrics {listed}, or a run with the setting "
        f"{metric} and the score {value}",
        f"Say {setting('table', 'long', asked.block)} if a row is a value, "
        f"{setting('table', 'wide', asked.block)} if it is a run.",
    )


def _wide(
    frame: pd.DataFrame,
    names: tuple[str, str],
    step: str | None,
    run: str | None,
    asked: Asked,
    where: str,
) -> Wide:
    metric, value = names
    others = [str(name) for name in frame if name not in (metric, value, step)]
    key = [run] if run is not None else others
    if not key:
        raise UserError(
            f"{where}: nothing says which run a value is of", "Add a column run, or arm and seed"
        )
    if step is None and asked.said.value is not None:
        raise UserError(
            f"{where}: {setting('value', block=asked.block)} cannot be used without a column step",
            "Leave it out",
        )
    _refuse_varying(frame, others, key, where)
    again = frame.duplicated([*key, metric, *([step] if step is not None else [])])
    if again.any():
        row = frame[again].iloc[0]
        raise UserError(
            f"{where}: row {row.name} is a second value of {row[metric]} of the run "
            f"{', '.join(row[key])}" + ("" if step is None else f" at {step} {row[step]}"),
            "Take one of them out, or add a column that tells the runs apart"
            + (" or a column step" if step is None else ""),
        )
    scores = frame[[*key, metric, value]].copy()
    if step is not None:
        scores = _picked(frame, key, metric, value, step, asked, where)
    pivoted = scores.pivot(index=key, columns=metric, values=value)
    kept = frame.drop_duplicates(key)[others]
    taken = [name for name in pivoted if name in others]
    if taken:
        raise UserError(
            f"{where}: {taken[0]} is a metric and a column", "Rename the column or the metric"
        )
    wide = kept.join(pivoted, on=key).fillna("")
    metrics = tuple(map(str, pivoted))
    wide = wide.rename(columns=str).set_axis(range(1, len(wide) + 1))
    counted = "last" if asked.said.value is None else asked.said.value
    at = "" if step is None else f", of each metric the value {counted} by {step}"
    return Wide(wide, metrics, (f"a row is a value of {metric}: {len(wide)} runs{at}",))


def _picked(
    frame: pd.DataFrame,
    key: Sequence[str],
    metric: str,
    value: str,
    step: str,
    asked: Asked,
    where: str,
) -> pd.DataFrame:
    """Return one value of each metric of a run, as text."""
    chosen = "last" if asked.said.value is None else asked.said.value
    # Which way is best is needed of the metrics that are asked for alone.
    wanted = set(asked.metrics or frame[metric])
    frame = frame[frame[metric].isin(wanted)]
    steps = numbers_of(frame[step], f"{where}: column {step}").to_numpy()
    values = numbers_of(frame[value], f"{where}: column {value}").to_numpy()
    first = next(iter(asked.metrics or ()), None)
    rows = []
    for places in frame.groupby([*key, metric], sort=False).indices.values():
        group = [str(cell) for cell in frame[[*key, metric]].iloc[places[0]]]
        better = asked.better if group[-1] == first else None
        pick = pick_of(group[-1], chosen, better, asked.block)
        picked = pick(steps[places].tolist(), values[places].tolist())
        rows.append([*group, "" if np.isnan(picked) else str(picked)])
    return pd.DataFrame(rows, columns=[*key, metric, value])


def _refuse_varying(
    frame: pd.DataFrame, others: Sequence[str], key: Sequence[str], where: str
) -> None:
    """Name the columns that differ within a run.

    Raises:
        UserError: there are some.
    """
    counts = frame.groupby(list(key))[[name for name in others if name not in key]].nunique()
    varying = [str(name) for name in counts if (counts[name] > 1).any()]
    if varying:
        raise UserError(
            f"{where}: {', '.join(varying)} differs between the rows of one run",
            "Take the column out, or give each run a name of its own",
        )
