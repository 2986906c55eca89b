"""Runs of a printed table: their settings, which of them are equal, and the noise between these."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.runs.audit.printed.figures import figure, unmarked
from latentlab.runs.audit.printed.tables import PrintedTable
from latentlab.runs.columns import typed
from latentlab.runs.run_table import RunTable
from latentlab.runs.seed_names import is_seed


@dataclass(frozen=True)
class PrintedRuns:
    """Runs of a printed table, and which of them have equal settings.

    Attributes:
        name: of the table.
        table: as the file gives it.
        runs: its rows as runs; their names are the index of the parameters.
    """

    name: str
    table: PrintedTable
    runs: RunTable

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """Values of each setting as whole numbers, [runs, settings]."""
        columns = [
            pd.factorize(column.astype(str))[0] for _, column in self.runs.parameters.items()
        ]
        return np.array(columns, dtype=np.int64).reshape(len(columns), -1).T

    @cached_property
    def groups(self) -> list[list[str]]:
        """Runs whose settings are all equal, of each configuration that was run twice or more."""
        found: dict[tuple[int, ...], list[str]] = {}
        for name, code in zip(self.table.rows, self.codes.tolist(), strict=True):
            found.setdefault(tuple(code), []).append(name)
        return [names for names in found.values() if len(names) > 1]

    def noise(self, metric: str) -> tuple[float, int]:
        """Pooled standard deviation within groups of equal settings, and degrees of freedom."""
        column = self.table.figures[metric]
        groups = [[column[row].value for row in rows if row in column] for rows in self.groups]
        deviations = np.concatenate([np.subtract(g, np.mean(g)) for g in groups if g] or [[0.0]])
        freedom = sum(len(group) - 1 for group in groups if group)
        return float(np.sqrt((deviations**2).sum() / max(freedom, 1))), freedom

    def differing(self, one: str, other: str) -> list[str]:
        """Settings in which two runs differ, those among them that a note gives."""
        rows = self.table.rows
        unequal = self.codes[rows.index(one)] != self.codes[rows.index(other)]
        names = [
            str(n) for n, differs in zip(self.runs.parameters, unequal, strict=True) if differs
        ]
        noted = [*self.table.noted.get(one, []), *self.table.noted.get(other, [])]
        return list(dict.fromkeys([*names, *noted]))


def runs_of(name: str, table: PrintedTable) -> PrintedRuns:
    """Return the rows of a table as runs; a column of seeds is no setting."""
    settings = [name for name in table.settings if not is_seed(name)]
    parameters = pd.DataFrame(
        {name: _setting(table.cells[name]) for name in settings}, index=table.rows
    )
    values = pd.DataFrame(
        {
            metric: pd.Series({row: one.value for row, one in column.items()}, dtype=float)
            for metric, column in table.figures.items()
        }
    ).reindex(table.rows)
    states = np.full(len(parameters), "complete", dtype=object)
    return PrintedRuns(name, table, RunTable(name, parameters, values, states))


def _setting(cells: pd.Series) -> pd.Series:
    """Return a column with its type; numbers may be written as 50K."""
    try:
        read = [figure(str(cell)) for cell in cells]
    except UserError:
        return typed(cells.map(unmarked))
    return pd.Series([one.value if one else np.nan for one in read], index=cells.index)
