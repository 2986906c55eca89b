"""Runs of a CSV file, read as analyses read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from latentlab.runs.importers.importer import Asked
from latentlab.runs.run_table import RunTable
from latentlab.runs.source_settings import SourceSettings
from latentlab.runs.sources import open_source


def never(source: str, *_: object) -> pd.DataFrame:
    raise AssertionError(f"the tracking store was asked for {source}")


def import_csv(
    path: str | Path,
    metrics: Sequence[str],
    seed: str | None = None,
    state: str | None = None,
    **columns: object,
) -> RunTable:
    said = SourceSettings(source=str(path), seed=seed, state=state)
    asked = Asked(said, "analysis", Path(), never, metrics=metrics, **columns)
    return open_source(str(path), asked).runs(metrics)
