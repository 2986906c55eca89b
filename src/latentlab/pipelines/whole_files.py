"""Kedro's datasets for tables, JSON and figures, whose files are written whole or not at all.

Kedro's own write in place: a full disk leaves a cut file, which `--only-missing-outputs` takes for
finished.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from kedro_datasets._typing import TablePreview
from kedro_datasets.json import JSONDataset
from kedro_datasets.pandas import CSVDataset, ParquetDataset
from kedro_datasets.plotly import JSONDataset as PlotlyDataset

from latentlab.core.files import atomic_file, write_atomically

if TYPE_CHECKING:
    from plotly import graph_objects


class CsvFile(CSVDataset):
    """A table as text."""

    def save(self, data: pd.DataFrame) -> None:
        """Replace the file in one step."""
        with atomic_file(Path(self._filepath)) as file:
            data.to_csv(file, **self._save_args)

    def preview(self, nrows: int = 5, first: Sequence[str] = ()) -> TablePreview:
        """The first rows for Kedro-Viz, which shows few columns: those in `first` before others."""
        found = super().preview(nrows)
        table = pd.DataFrame(found["data"], columns=found["columns"])
        table = table[[*first, *table.columns.difference(list(first), sort=False)]]
        return TablePreview(table.to_dict(orient="split"))


class ParquetFile(ParquetDataset):
    """A table with its types."""

    def save(self, data: pd.DataFrame) -> None:
        """Replace the file in one step."""
        with atomic_file(Path(self._filepath)) as file:
            data.to_parquet(file, **self._save_args)


class JsonFile(JSONDataset):
    """Values that JSON knows."""

    def save(self, data: Any) -> None:
        """Replace the file in one step."""
        write_atomically(Path(self._filepath), json.dumps(data, **self._save_args).encode())


class FigureFile(PlotlyDataset):
    """A figure of plotly's."""

    def save(self, data: graph_objects.Figure) -> None:
        """Replace the file in one step."""
        write_atomically(Path(self._filepath), data.to_json(**self._save_args).encode())
