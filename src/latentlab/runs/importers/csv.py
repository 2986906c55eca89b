"""Imports runs from CSV files."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.runs.columns import numbers_of, seeds_of, typed
from latentlab.runs.imported_runs import ImportedRuns
from latentlab.runs.seed_names import only_seed
from latentlab.runs.trial_state import STATES

_SYNONYMS = {
    "complete": ("complete", "completed", "finished", "done", "success", "succeeded", "ok"),
    "pruned": ("pruned", "halved", "stopped", "early_stopped"),
    "diverged": ("diverged", "nan"),
    "failed": ("failed", "fail", "failure", "crashed", "error", "killed"),
    "left out": ("running", "waiting", "scheduled", "pending", "queued"),
}
_STATES = {word: state for state, words in _SYNONYMS.items() for word in words}

_OPTUNA_PREFIX = "params_"
"""How Optuna names parameters in `study.trials_dataframe()`."""


def import_csv(
    path: str | Path,
    metrics: Sequence[str],
    *,
    seed: str | None = None,
    state: str | None = None,
    epochs: str | None = None,
    seconds: str | None = None,
    parameters: Sequence[str] | None = None,
) -> ImportedRuns:
    """Import the runs of a CSV file with one row per run.

    Separated by commas, semicolons or tabs. Every column that is named below is taken as what it
    is named; the others are parameters. An empty cell of a parameter says that it does not exist
    in that row; a row without a value has failed. A column that is called a seed is taken as the
    seed. In a file that Optuna wrote, the parameters are the columns `params_*`, and `state` is the
    state.

    Args:
        path: of the file.
        metrics: columns of the values.
        seed: column of the seed; rows that differ in nothing else are one configuration.
        state: column of the state: complete, pruned, diverged, failed, and usual other words for
            these; runs that have not ended are left out and counted.
        epochs: column of the epochs trained.
        seconds: column of the wall-clock seconds.
        parameters: columns of the parameters; none: all others.

    Raises:
        UserError: one line with the file, the column or row, and the remedy.
    """
    path = Path(path)
    frame = _read(path)
    if state is None and "state" in frame and any(map(_is_optunas, frame.columns)):
        # Else a pruned trial, which has a value too, would pass for a complete one.
        state = "state"
    named = [*metrics, *(c for c in (seed, state, epochs, seconds) if c is not None)]
    for column in [*named, *(parameters or [])]:
        if column not in frame:
            raise UserError(
                f"{path}: there is no column {column}", f"Name one of {', '.join(frame.columns)}"
            )
    notes: list[str] = []
    chosen = list(parameters) if parameters else _parameters(frame, named, notes)
    if seed is None:
        seed = only_seed(chosen, f"{path}: columns", "Name one as the seed, and the parameters")
        if seed is not None:
            notes.append(
                f"{seed} is a seed: rows that differ in nothing else are one configuration"
            )
    states = _states(frame, state, path)
    ended = states != "left out"
    if not ended.all():
        notes.append(f"{int((~ended).sum())} runs have not ended and are left out")
    frame, states = frame[ended], states[ended]
    values = {name: numbers_of(frame[name], f"{path}: column {name}") for name in metrics}
    columns = {
        name.removeprefix(_OPTUNA_PREFIX) if parameters is None else name: typed(frame[name])
        for name in chosen
        if name != seed
    }
    return ImportedRuns(
        name=path.stem,
        parameters=pd.DataFrame(columns, index=frame.index),
        values=pd.DataFrame(values, index=frame.index),
        states=states,
        seeds=None if seed is None else seeds_of(frame[seed], f"{path}: column {seed}"),
        epochs=_numbers(frame, epochs, path),
        seconds=_numbers(frame, seconds, path),
        notes=tuple(notes),
    )


def _read(path: Path) -> pd.DataFrame:
    """All cells as text, empty where there is nothing."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
        separator = max(",;\t", key=first.count)
        header = next(csv.reader([first], delimiter=separator), [])
        with warnings.catch_warnings():
            # Rows longer than the header are an error, not an index and not cut.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                sep=separator,
                dtype=str,
                keep_default_na=False,
                index_col=False,
                encoding="utf-8-sig",
            )
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Correct the path") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8", "Save it as UTF-8") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise UserError(f"{path}: {error}", "Give each row as many cells as the header") from error
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UserError(f"{path}: two columns are called '{twice[0]}'", "Rename one of them")
    if frame.empty:
        raise UserError(f"{path}: there are no rows below the header", "Give a sweep that has some")
    # Rows are counted from 1 in messages.
    return frame.set_axis(range(1, len(frame) + 1))


def _parameters(frame: pd.DataFrame, named: Collection[str], notes: list[str]) -> list[str]:
    """The columns that are not named as something else."""
    others = [name for name in frame.columns if name not in named]
    prefixed = [name for name in others if _is_optunas(name)]
    if prefixed:
        left = [name for name in others if name not in prefixed]
        if left:
            notes.append(f"columns beside {_OPTUNA_PREFIX}* are left out: {', '.join(left)}")
        return prefixed
    # pandas writes its index as a first column without a name.
    unnamed = [name for name in others if name.startswith("Unnamed:")]
    if unnamed:
        notes.append(f"{len(unnamed)} columns without a name are left out")
    return [name for name in others if name not in unnamed]


def _is_optunas(name: str) -> bool:
    return name.startswith(_OPTUNA_PREFIX)


def _states(frame: pd.DataFrame, state: str | None, path: Path) -> NDArray[np.object_]:
    """State of each row; complete where nothing is said."""
    if state is None:
        return np.full(len(frame), "complete", dtype=object)
    # Optuna writes `TrialState.COMPLETE` in some versions.
    words = [word.strip().lower().rpartition(".")[2] for word in frame[state]]
    for row, word in zip(frame.index, words, strict=True):
        if word not in _STATES:
            raise UserError(
                f"{path}: column {state}: '{word}' in row {row} is no state",
                f"Write one of {', '.join(STATES)}, or running",
            )
    return np.array([_STATES[word] for word in words], dtype=object)


def _numbers(frame: pd.DataFrame, column: str | None, path: Path) -> NDArray[np.float64] | None:
    if column is None:
        return None
    return numbers_of(frame[column], f"{path}: column {column}").to_numpy(dtype=float)
