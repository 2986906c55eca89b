"""Finished sweeps from CSV files."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.search.importers.assembly import Foreign, assembled
from latentlab.search.importers.columns import numbers_of, seeds_of, typed
from latentlab.search.space import Space, is_seed
from latentlab.search.table import Objective, SweepTable

_WORDS = {
    "complete": ("complete", "completed", "finished", "done", "success", "succeeded", "ok"),
    "halved": ("halved", "pruned", "stopped", "early_stopped"),
    "diverged": ("diverged", "nan"),
    "failed": ("failed", "fail", "failure", "crashed", "error", "killed"),
    "left out": ("running", "waiting", "scheduled", "pending", "queued"),
}
_STATES = {word: state for state, words in _WORDS.items() for word in words}

_OPTUNA_PREFIX = "params_"
"""How Optuna names parameters in `study.trials_dataframe()`."""


def read_csv(
    path: str | Path,
    objectives: Sequence[Objective],
    *,
    seed: str | None = None,
    state: str | None = None,
    epochs: str | None = None,
    seconds: str | None = None,
    parameters: Sequence[str] | None = None,
    space: Space | None = None,
    sampler: str = "unknown",
) -> SweepTable:
    """A finished sweep from a CSV file with one row per run.

    Separated by commas, semicolons or tabs. Every column that is named below is taken as what it
    is named; the others are parameters. An empty cell of a parameter says that it does not exist
    in that row; a row without a value has failed. A column that is called a seed is taken as the
    seed. In a file that Optuna wrote, the parameters are the columns `params_*`, and `state` is the
    state.

    Args:
        path: of the file.
        objectives: named by their columns, with their directions.
        seed: column of the seed; rows that differ in nothing else are one configuration.
        state: column of the state: complete, halved, diverged, failed, and usual other words for
            these; runs that have not ended are left out and counted.
        epochs: column of the epochs trained.
        seconds: column of the wall-clock seconds.
        parameters: columns of the parameters; none: all others.
        space: what was searched; none: inferred from the values.
        sampler: `grid`, `random`, `quasi_random`, `tpe` or `unknown`.

    Raises:
        UserError: one line with the file, the column or row, and the remedy.
    """
    path = Path(path)
    frame = _read(path)
    if state is None and "state" in frame and any(map(_is_optunas, frame.columns)):
        # Else a pruned trial, which has a value too, would pass for a complete one.
        state = "state"
    named = [o.name for o in objectives]
    named += [column for column in (seed, state, epochs, seconds) if column is not None]
    for column in [*named, *(parameters or [])]:
        if column not in frame:
            raise UserError(
                f"{path}: there is no column {column}", f"Name one of {', '.join(frame.columns)}"
            )
    notes: list[str] = []
    chosen = list(parameters) if parameters else _parameters(frame, named, notes)
    if seed is None:
        seed = _seed_among(chosen, path)
        if seed is not None:
            notes.append(
                f"{seed} is a seed: rows that differ in nothing else are one configuration"
            )
    states = _states(frame, state, path)
    ended = states != "left out"
    if not ended.all():
        notes.append(f"{int((~ended).sum())} runs have not ended and are left out")
    frame, states = frame[ended], states[ended]
    values = {o.name: numbers_of(frame[o.name], f"{path}: column {o.name}") for o in objectives}
    columns = {
        name.removeprefix(_OPTUNA_PREFIX) if parameters is None else name: typed(frame[name])
        for name in chosen
        if name != seed
    }
    foreign = Foreign(
        name=path.stem,
        parameters=pd.DataFrame(columns, index=frame.index),
        values=pd.DataFrame(values, index=frame.index),
        states=states,
        seeds=None if seed is None else seeds_of(frame[seed], f"{path}: column {seed}"),
        epochs=_numbers(frame, epochs, path),
        seconds=_numbers(frame, seconds, path),
        notes=notes,
    )
    return assembled(foreign, objectives, sampler, space)


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


def _seed_among(columns: Sequence[str], path: Path) -> str | None:
    found = [name for name in columns if is_seed(name)]
    if len(found) > 1:
        raise UserError(
            f"{path}: columns {' and '.join(found)} are both seeds",
            "Name one as the seed, and the parameters",
        )
    return found[0] if found else None


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
                f"Write one of {', '.join(_WORDS)[: -len(', left out')]}, or running",
            )
    return np.array([_STATES[word] for word in words], dtype=object)


def _numbers(frame: pd.DataFrame, column: str | None, path: Path) -> NDArray[np.float64] | None:
    if column is None:
        return None
    return numbers_of(frame[column], f"{path}: column {column}").to_numpy(dtype=float)
