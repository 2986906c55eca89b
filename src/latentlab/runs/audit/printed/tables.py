"""A printed table as a file gives it: cells in Markdown, and what its columns are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Literal, Self

import pandas as pd
from pydantic import ConfigDict, Field, model_validator

from latentlab.core.errors import UserError
from latentlab.core.model import Number, StrictModel
from latentlab.core.validation import Mistake, all_of, nearest
from latentlab.metrics.metric import Better
from latentlab.runs.audit.printed.figures import Figure, figure, is_bold, read_table

Scalar = bool | int | float | str | None


class PrintedModel(StrictModel):
    """A part of the file; rows and columns may be called by numbers."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        found = list(self._misfits())
        if found:
            raise all_of(found)
        return self

    def _misfits(self) -> Iterable[Mistake]:
        """What is wrong beyond the types of the fields."""
        return ()


class PrintedMetric(PrintedModel):
    """What a column of figures is."""

    better: Better | Literal["none"] = Field(description="which way it is better")
    kind: Literal["share", "ks", "kl", "seconds"] | None = Field(
        None, description="what is known of such a quantity: its range, what zero means"
    )
    range: tuple[Number, Number] | None = Field(None, description="lowest and highest possible")
    n: int | None = Field(None, ge=1, description="examples that one value is over")
    chance: Number | None = Field(
        None, description="what a constant predictor, or pure noise, scores"
    )
    agrees_with: str | None = Field(
        None, description="a metric that measures the same: large where it is large"
    )
    moved_by: list[str] = Field([], description="settings that move it without being better")
    split: str | None = Field(None, description="which data: train, validation, test")
    epoch: Literal["last", "best"] | None = Field(None, description="which epoch counts")
    plus_minus: Literal["sd", "se"] = Field("sd", description="what stands after ±")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError("its range is empty; write the lowest value, then the highest")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest possible value."""
        known = {"share": (0.0, 1.0), "ks": (0.0, 1.0)}
        low = 0.0 if self.kind in {"kl", "seconds"} else float("-inf")
        return self.range or known.get(self.kind or "", (low, float("inf")))


class PrintedTable(PrintedModel):
    """A table of figures: rows are arms, groups of runs, or single runs with their settings."""

    table: str = Field(description="in Markdown, as printed; what is bold stays bold")
    metrics: dict[str, PrintedMetric] = Field(min_length=1, description="by column")
    settings: list[str] = Field([], description="columns of the configuration")
    fixed: dict[str, Scalar] = Field({}, description="settings that are said equal in all rows")
    noted: dict[str, list[str]] = Field(
        {}, description="by row: settings that a note says to be other than their column or `fixed`"
    )
    seeds: int | None = Field(None, ge=1, description="runs that each figure is a mean of")
    counts: str | None = Field(None, description="column of the runs that a row is a mean of")
    parts: dict[str, list[list[str]]] = Field(
        {}, description="by row of a total: lists of rows that are together the whole"
    )
    maximum: str | None = Field(None, description="row of the best single value")

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Cells as text, [rows, columns]."""
        return read_table(self.table)

    @cached_property
    def figures(self) -> dict[str, dict[str, Figure]]:
        """Figures by metric and row; a row without one is left out."""
        found = {
            name: {str(row): figure(str(cell)) for row, cell in self.cells[name].items()}
            for name in self.metrics
        }
        return {
            name: {row: value for row, value in column.items() if value is not None}
            for name, column in found.items()
        }

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Runs behind each row, by row, as the column of counts or `seeds` say."""
        if self.counts is None:
            return {} if self.seeds is None else dict.fromkeys(self.rows, self.seeds)
        read = {str(row): figure(str(cell)) for row, cell in self.cells[self.counts].items()}
        return {row: round(one.value) for row, one in read.items() if one is not None}

    def runs_behind(self, row: str) -> int | None:
        """Number of runs that a row is a mean of; none where it is not said."""
        return self.numbers.get(row, 1 if self.settings else None)

    @property
    def rows(self) -> list[str]:
        """Names of the rows."""
        return [str(name) for name in self.cells.index]

    def bold(self, metric: str) -> list[str]:
        """Rows whose figure of a metric is bold, where not the whole row is."""
        marked = self.cells.map(lambda cell: is_bold(str(cell)))
        whole = marked.all(axis=1) & (marked.shape[1] > 1)
        kept = marked[metric] & ~whole
        return [str(row) for row in marked.index[kept]]

    def _misfits(self) -> Iterator[Mistake]:
        try:
            cells = self.cells
        except UserError as mistake:
            yield Mistake(("table",), mistake.what, mistake.remedy)
            return
        columns, rows = [str(name) for name in cells.columns], self.rows
        counts = [] if self.counts is None else [self.counts]
        for name in (*self.metrics, *self.settings, *counts):
            if name not in columns:
                yield Mistake((), f"there is no column {name}", nearest(name, columns))
        spoken = {*self.metrics, *self.settings, *counts}
        for name in (name for name in columns if name not in spoken):
            yield Mistake(
                (), f"column {name} is no metric and no setting", "Say it in metrics or settings"
            )
        named = [*self.noted, *self.parts, *([self.maximum] if self.maximum else [])]
        named += [row for wholes in self.parts.values() for whole in wholes for row in whole]
        yield from (no_row(name, rows) for name in named if name not in rows)
        for name, metric in self.metrics.items():
            if metric.agrees_with is not None and metric.agrees_with not in self.metrics:
                where = ("metrics", name, "agrees_with")
                what = f"there is no metric {metric.agrees_with}"
                yield Mistake(where, what, nearest(metric.agrees_with, list(self.metrics)))
            for setting in (one for one in metric.moved_by if one not in self.settings):
                where = ("metrics", name, "moved_by")
                what = f"there is no setting {setting}"
                yield Mistake(where, what, nearest(setting, self.settings))
        for name in (name for name in (*self.metrics, *counts) if name in columns):
            for row, cell in cells[name].items():
                place = f"row {row}, column {name}"
                try:
                    read = figure(str(cell))
                except UserError as mistake:
                    yield Mistake(("table",), f"{place}: {mistake.what}", mistake.remedy)
                    continue
                if name in counts and read is not None and (read.value < 1 or read.value % 1):
                    what = f"{place}: {read.text} is no number of runs"
                    yield Mistake(("table",), what, "Write a whole number, or leave it empty")


def no_row(name: str, rows: Sequence[str]) -> Mistake:
    """Say that a table lacks a row, and which is meant."""
    return Mistake((), f"there is no row {name}", nearest(name, rows))
