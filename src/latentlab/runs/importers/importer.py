"""What an importer is: it recognises a source, says what is in it, and reads it as a RunTable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from latentlab.metrics.metric import Better
from latentlab.runs.importers.picking import Pick
from latentlab.runs.run_table import RunTable
from latentlab.runs.source_settings import SourceSettings


class RunsOf(Protocol):
    """Reads an experiment of MLflow as `mlflow.search_runs` gives it; tracking implements it."""

    def __call__(self, source: str, picks: Mapping[str, Pick] = ..., /) -> pd.DataFrame:
        """Return the runs of `source`, metrics in `picks` with the value that is picked."""
        ...


@dataclass(frozen=True)
class Asked:
    """What a person said of a source.

    Attributes:
        said: the settings that all uses of a source share.
        block: of the parameters that says them, for messages.
        root: what relative paths are relative to.
        runs_of: the runs of an experiment of MLflow.
        metrics: columns of scores that are named; none where they are to be guessed.
        better: which way the first metric is better, where it is said.
        arm: further columns that must be there.
        parameters: those to take; none: all.
        epochs: column of the epochs trained.
        seconds: column of the wall-clock seconds.
        started: column of the time at which a run began.
    """

    said: SourceSettings
    block: str
    root: Path
    runs_of: RunsOf
    metrics: Sequence[str] | None = None
    better: Better | None = None
    arm: Sequence[str] = ()
    parameters: Sequence[str] | None = None
    epochs: str | None = None
    seconds: str | None = None
    started: str | None = None


@dataclass(frozen=True)
class Found:
    """What is in a source, before it is known which of it are metrics.

    Attributes:
        likely: finds what looks like scores.
        known: what may be named as a metric.
        runs: the runs with these metrics, in their order.
        objectives: what was searched for, where the source knows it.
    """

    likely: Callable[[], Sequence[str]]
    known: Sequence[str]
    runs: Callable[[Sequence[str]], RunTable]
    objectives: Sequence[str] = ()


@dataclass(frozen=True)
class Importer:
    """One kind of source.

    Attributes:
        called: what messages call it.
        uses: the optional settings that have a meaning for it.
        place_of: where it is; none where the source is of another kind. Takes the source as it was
            given and the path that it is if it is one.
        found: reads it. Takes the place. Nothing that is read is changed.
    """

    called: str
    uses: frozenset[str]
    place_of: Callable[[str, Path], str | None]
    found: Callable[[str, Asked], Found]
