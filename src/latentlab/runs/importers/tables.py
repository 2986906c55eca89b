"""Runs from a table of cells of text, whichever file the cells come from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.core.validation import nearest
from latentlab.reporting.formatting import plural
from latentlab.runs.columns import numbers_of, seeds_of, typed
from latentlab.runs.importers.importer import Asked, Found
from latentlab.runs.importers.long_tables import Wide, widened
from latentlab.runs.importers.starts import start_column, times_of
from latentlab.runs.roles import roles
from latentlab.runs.run_table import RunTable
from latentlab.runs.seed_names import only_seed
from latentlab.runs.trial_state import STATES

_SYNONYMS = {
    "complete": ("complete", "completed", "finished", "done", "success", "succeeded", "ok"),
    "pruned": ("pruned", "halved", "stopped", "early_stopped"),
    "diverged": ("diverged", "nan"),
    "failed": ("failed", "fail", "failure", "crashed", "error", "killed", "preempted"),
    "left out": ("running", "waiting", "scheduled", "pending", "queued", "preempting"),
}
_STATES = {word: state for state, words in _SYNONYMS.items() for word in words}
_CALLED_STATE = ("state", "status")

_PREFIXES = ("params_", "params.")
"""How `trials_dataframe()` of Optuna and `search_runs()` of MLflow name parameters."""

_BESIDE = {"number", "value", "state"}
"""Columns that Optuna writes beside parameters."""

_EXPORTS = (
    ("Start Time", "Duration", "Run ID", "Name", "Source Type", "Source Name", "User", "Status"),
    ("Name", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep"),
)
"""First columns of MLflow's and W&B's exports; configuration and results follow, each sorted."""

TABLE_SETTINGS = frozenset(
    {"seed", "state", "table", "value", "parameters", "epochs", "seconds", "started"}
)
"""The optional settings that have a meaning for a table."""

MOST_COLUMNS = 2_000
_SHOWN = 20


@dataclass(frozen=True)
class Cells:
    """A table as it is in a file.

    Attributes:
        name: of the file or folder, for titles.
        where: its path, for messages.
        frame: cells of text, empty where there is nothing; rows are counted from 1.
        configuration: the columns of the configuration, where the source tells them from results.
        notes: what was left out in reading it, one sentence each.
    """

    name: str
    where: str
    frame: pd.DataFrame
    configuration: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


def named_columns(asked: Asked) -> list[str]:
    """Return the columns that a person has named, apart from scores, which a long table has not."""
    given = (asked.said.seed, asked.said.state, asked.epochs, asked.seconds, asked.started)
    columns = [*(name for name in given if name is not None), *asked.arm]
    return list(dict.fromkeys([*columns, *(asked.parameters or [])]))


def found_in(cells: Cells, asked: Asked) -> Found:
    """Return what is in a table: a row a run, or a row a value, which become a row a run.

    Raises:
        UserError: a column that is named is not there, or it may be either kind of table.
    """
    # Folders of runs have a row a run by their making.
    told = cells.configuration is not None
    wide = Wide(cells.frame) if told else widened(cells.frame, asked, cells.where)
    frame, notes = wide.frame, (*cells.notes, *wide.notes)
    known = [str(name) for name in frame]
    check_columns([*(asked.metrics or ()), *named_columns(asked)], known, cells.where)
    configuration = cells.configuration
    if wide.metrics is not None:
        configuration = tuple(name for name in known if name not in wide.metrics)
    read = Cells(cells.name, cells.where, frame, configuration, notes)
    return Found(
        lambda: _likely(read, wide.metrics), known, lambda metrics: _runs(read, metrics, asked)
    )


def _likely(cells: Cells, metrics: Sequence[str] | None) -> Sequence[str]:
    """Return the columns that look like scores: the metrics of a long table, else by the columns.

    Where results are told from the configuration, all that are numbers and no bookkeeping.
    """
    if metrics is not None:
        return metrics
    told = cells.configuration is not None
    names = [name for name in cells.frame if name not in (cells.configuration or ())]
    columns = pd.DataFrame({name: typed(_mostly_numbers(cells.frame[name])) for name in names})
    found = roles(columns)
    if not told:
        return [name for name, role in found.items() if role == "outcome"]
    numbers = [str(name) for name in columns if columns[name].dtype.kind == "f"]
    return [name for name in numbers if found.get(name, "outcome") == "outcome"]


def check_columns(named: Sequence[str], known: Sequence[str], where: str) -> None:
    """See that columns are there.

    Raises:
        UserError: some are not; all of these, with the nearest names.
    """
    there = set(known)
    missing = [name for name in dict.fromkeys(named) if name not in there]
    if not missing:
        return
    remedies = [nearest(name, known[:MOST_COLUMNS]) for name in missing[:_SHOWN]]
    if len(missing) > 1:
        remedies = [f"{name}: {remedy}" for name, remedy in zip(missing, remedies, strict=False)]
    raise UserError(
        f"{where}: there is no column {', '.join(missing[:_SHOWN])}", " ".join(remedies)
    )


def _mostly_numbers(column: pd.Series) -> pd.Series:
    """Return a column of scores without cells that are none, which must not hide the others."""
    numbers = pd.to_numeric(column, errors="coerce").notna()
    return column.where(numbers, "") if numbers.sum() > len(column) / 2 else column


def _runs(cells: Cells, metrics: Sequence[str], asked: Asked) -> RunTable:
    """Return the runs of a table with one row per run.

    Every column that is named is taken as what it is named; the others are parameters, as far as
    the table does not show what they are. An empty cell of a parameter says that it does not
    exist in that row; a row without a value has failed. A column that is called a seed is taken
    as the seed, one that is called a state and holds states as the state, one that is called a
    start and holds times as the start. In a file of Optuna or MLflow whose parameters have a
    prefix, these are the parameters.

    Raises:
        UserError: one line with the file, the column or row, and the remedy.
    """
    frame, where, notes = cells.frame, cells.where, list(cells.notes)
    check_columns(metrics, list(map(str, frame)), where)
    seed, state, parameters = asked.said.seed, asked.said.state, asked.parameters
    named = [*metrics, *(n for n in (seed, state, asked.epochs, asked.seconds) if n is not None)]
    if state is None:
        state = _state_column(frame, named, notes)
        named += [] if state is None else [state]
    started = asked.started or start_column(frame)
    named += [] if asked.started is None else [asked.started]
    if parameters:
        chosen = list(parameters)
    elif cells.configuration is not None:
        chosen = [name for name in cells.configuration if name not in named]
    else:
        chosen = _parameters(frame, named, metrics, notes)
    if seed is None:
        others = [name for name in cells.configuration or frame.columns if name not in named]
        seed = only_seed(others, f"{where}: columns", "Name one as the seed")
        if seed is not None:
            notes.append(
                f"{seed} is a seed: rows that differ in nothing else are one configuration"
            )
    states = _states(frame, state, where)
    ended = states != "left out"
    if not ended.any():
        raise UserError(
            f"{where}: there are no finished runs among its {len(ended)}", "Wait for some"
        )
    if not ended.all():
        notes.append(f"{plural(int((~ended).sum()), 'run')} left out that had not ended")
    frame, states = frame[ended], states[ended]
    values = {name: numbers_of(frame[name], f"{where}: column {name}") for name in metrics}
    prefixed = _prefixed(list(frame.columns)) if parameters is None else []
    columns = {
        _bare(name) if name in prefixed else name: typed(frame[name])
        for name in chosen
        if name != seed
    }
    return RunTable(
        name=cells.name,
        parameters=pd.DataFrame(columns, index=frame.index),
        values=pd.DataFrame(values, index=frame.index),
        states=states,
        seeds=None if seed is None else seeds_of(frame[seed], f"{where}: column {seed}"),
        started=None if started is None else times_of(frame[started], f"{where}: column {started}"),
        epochs=_numbers(frame, asked.epochs, where),
        seconds=_numbers(frame, asked.seconds, where),
        notes=tuple(notes),
    )


def _parameters(
    frame: pd.DataFrame, named: Collection[str], metrics: Sequence[str], notes: list[str]
) -> list[str]:
    """Return the columns that are neither named nor shown by the file to be something else."""
    others = [name for name in frame.columns if name not in named]
    prefixed = [name for name in _prefixed(list(frame.columns)) if name in others]
    if prefixed:
        left = [name for name in others if name not in prefixed]
        if left:
            notes.append(f"columns beside {prefixed[0][:7]}* are left out: {', '.join(left)}")
        return prefixed
    # pandas writes its index as a first column without a name.
    unnamed = [name for name in others if name.startswith("Unnamed:")]
    if unnamed:
        notes.append(f"{plural(len(unnamed), 'column')} without a name left out")
    results = _results(list(frame.columns), metrics)
    if found := [name for name in others if name in results]:
        notes.append(f"results of a tracker beside {metrics[0]} are left out: {', '.join(found)}")
    return [name for name in others if name not in unnamed and name not in results]


def _results(header: list[str], metrics: Sequence[str]) -> list[str]:
    """Return the columns of a tracker's export that stand among its results, and behind them."""
    trackers = {name for first in _EXPORTS for name in first} | {"Agent"}
    others = [name for name in header if name not in trackers]
    if not any(set(first) <= set(header) for first in _EXPORTS) or not set(metrics) <= set(others):
        return []
    starts = [k for k in range(1, len(others)) if others[k].lower() < others[k - 1].lower()]
    # Tags may follow. Columns in another order have been moved by hand, and say nothing.
    before = [k for k in starts if k <= min(others.index(metric) for metric in metrics)]
    return others[before[0] :] if len(before) == 1 and len(starts) <= 2 else []


def _prefixed(header: list[str]) -> list[str]:
    """Return the columns that a prefix says to be parameters.

    A lone `params_m` among columns that are not Optuna's is somebody's count of parameters.
    """
    found = [name for name in header if name.startswith(_PREFIXES)]
    alone = len(found) == 1 and found[0].startswith(_PREFIXES[0]) and not _BESIDE & set(header)
    return [] if alone else found


def _bare(name: str) -> str:
    return next((name.removeprefix(p) for p in _PREFIXES if name.startswith(p)), name)


def _state_column(frame: pd.DataFrame, named: Collection[str], notes: list[str]) -> str | None:
    """Return the column that is called a state and holds some."""
    called = [n for n in frame.columns if n.lower() in _CALLED_STATE and n not in named]
    for name in called:
        if any(_word(cell) in _STATES for cell in frame[name].unique()):
            notes.append(f"{name} is taken for the state of the runs")
            return str(name)
    return None


def _word(cell: str) -> str:
    # Optuna writes `TrialState.COMPLETE` in some versions.
    return cell.strip().lower().rpartition(".")[2]


def _states(frame: pd.DataFrame, state: str | None, where: str) -> NDArray[np.object_]:
    """Return the state of each row; complete where nothing is said."""
    if state is None:
        return np.full(len(frame), "complete", dtype=object)
    words = frame[state].map(_word)
    unknown = words[~words.isin(list(_STATES))]
    if len(unknown):
        raise UserError(
            f"{where}: column {state}: '{unknown.iloc[0]}' in row {unknown.index[0]} is no state",
            f"Write one of {', '.join(STATES)}, or running",
        )
    return words.map(_STATES).to_numpy(dtype=object)


def _numbers(frame: pd.DataFrame, column: str | None, where: str) -> NDArray[np.float64] | None:
    if column is None:
        return None
    return numbers_of(frame[column], f"{where}: column {column}").to_numpy(dtype=float)
