"""Runs of a printed table as the rules over runs read them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from latentlab.core.errors import UserError
from latentlab.metrics.metric import Metric
from latentlab.runs.audit.audited import Audited
from latentlab.runs.audit.printed.figures import figure, unmarked
from latentlab.runs.audit.printed.tables import PrintedTable
from latentlab.runs.columns import typed
from latentlab.runs.seed_names import is_seed


@dataclass(frozen=True)
class PrintedRuns:
    """A printed table whose rows are runs.

    Attributes:
        table: as the file gives it.
        audited: its rows as runs.
    """

    table: PrintedTable
    audited: Audited

    @property
    def name(self) -> str:
        """What the table is called."""
        return self.audited.name

    @cached_property
    def groups(self) -> list[list[str]]:
        """Runs whose settings are all equal, of each configuration that was run twice or more."""
        rows = pd.Series(self.table.rows).groupby(self.audited.configurations).agg(list)
        return [names for names in rows if len(names) > 1]

    def differing(self, one: str, other: str) -> list[str]:
        """Settings in which two runs differ, those among them that a note gives."""
        codes, rows = self.audited.codes, self.table.rows
        unequal = codes.iloc[rows.index(one)] != codes.iloc[rows.index(other)]
        noted = [*self.table.noted.get(one, []), *self.table.noted.get(other, [])]
        return list(dict.fromkeys([*map(str, codes.columns[unequal]), *noted]))


def runs_of(name: str, table: PrintedTable) -> PrintedRuns:
    """Return the rows of a table as runs; a column of seeds is no setting."""
    settings = pd.DataFrame(
        {name: _setting(table.cells[name]) for name in table.settings if not is_seed(name)},
        index=table.cells.index,
    )
    scores = pd.DataFrame(
        {
            metric: pd.Series({row: one.value for row, one in column.items()}, dtype=float)
            for metric, column in table.figures.items()
        }
    ).reindex(table.rows)
    audited = Audited(
        name=name,
        rows=table.rows,
        settings=settings.reset_index(drop=True),
        recorded=pd.DataFrame(index=range(len(scores))),
        scores=scores.reset_index(drop=True),
        metrics={
            metric: Metric(metric, one.better, one.kind or "", f"As {name} prints it.", *one.bounds)
            for metric, one in table.metrics.items()
        },
        states=np.full(len(scores), "complete", dtype=object),
    )
    return PrintedRuns(table, audited)


def _setting(cells: pd.Series) -> pd.Series:
    """Return a column with its type; numbers may be written as 50K."""
    try:
        read = [figure(str(cell)) for cell in cells]
    except UserError:
        return typed(cells.map(unmarked))
    return pd.Series([one.value if one else np.nan for one in read], index=cells.index)
