"""What a report prints and claims, as a file says it: statements, correlations, sweeps, plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal, Self

import pandas as pd
from pydantic import Field, model_validator

from latentlab.core.errors import UserError
from latentlab.core.model import Number
from latentlab.core.validation import Mistake, nearest
from latentlab.runs.audit.findings import records
from latentlab.runs.audit.printed.figures import figure, read_table, unmarked
from latentlab.runs.audit.printed.tables import PrintedModel, PrintedTable, Scalar, no_row
from latentlab.statistics.attainable import LocationTest
from latentlab.statistics.corrections import Correction

Count = Annotated[int, Field(strict=True, ge=1)]
Values = Annotated[list[Scalar], Field(min_length=1)]
Says = Literal["better", "worse", "same", "best", "collapsed", "predicts"]

CORRELATION_COLUMNS = ("rho", "p", "n", "says")
_SAYINGS = ["increase helps", "increase hurts", "decrease helps", "decrease hurts"]


class Statement(PrintedModel):
    """One sentence's claim."""

    says: Says
    who: str = Field(description="a row of the table; of a prediction what is to be done")
    than: str | None = Field(None, description="the row that it is compared with")
    by: str | None = Field(None, description="as printed: 0.038, or 3.7 % of the other's value")
    table: str | None = Field(None, description="needed unless it predicts")
    metric: str | None = Field(None, description="a metric of the table")
    margin: Number | None = Field(None, description="of sameness: how much would matter")
    p: Number | None = Field(None, ge=0, le=1, description="p-value that is printed with it")
    runs: list[str] = Field([], description="runs that a prediction rests on")

    def sentence(self, other: str | None) -> str:
        """Begin a sentence about the claim, against a row that it is compared with."""
        if other is None or self.says == "best":
            return f"{self.who} is said to be the best{f', before {other}' if other else ''}"
        return f"{self.who} is said to be {self.says} than {other}"

    def _misfits(self) -> Iterator[Mistake]:
        needed: tuple[str, ...] = () if self.says == "predicts" else ("table", "metric")
        if self.says in {"better", "worse", "same"}:
            needed = (*needed, "than")
        for key in needed:
            if getattr(self, key) is None:
                yield Mistake((key,), "is missing", f"Add it: the claim says {self.says}")
        if self.by is not None:
            try:
                figure(self.by)
            except UserError as mistake:
                yield Mistake(("by",), mistake.what, mistake.remedy)


class PrintedCorrelations(PrintedModel):
    """A table of rank correlations of an objective where larger is better."""

    table: str = Field(description="in Markdown: parameter, then rho, p, n and says")
    decimals: int = Field(3, ge=1, le=6, description="places to which rho and p are printed")
    ranked: bool = Field(False, description="whether the rows are ranked by |rho|")
    corrected: bool = Field(False, description="whether conclusions are from corrected p-values")

    @cached_property
    def frame(self) -> pd.DataFrame:
        """`parameter`, `rho`, `p` (missing where not printed), `n`, `claim`."""
        cells = read_table(self.table)
        numbers = {
            name: [one.value if (one := figure(str(cell))) else float("nan") for cell in column]
            for name in ("rho", "p", "n")
            for column in [cells[name] if name in cells else [""] * len(cells)]
        }
        claims = cells["says"].map(unmarked) if "says" in cells else [""] * len(cells)
        return pd.DataFrame(
            {"parameter": [str(name) for name in cells.index], **numbers, "claim": list(claims)}
        )

    def _misfits(self) -> Iterator[Mistake]:
        try:
            columns = [str(name) for name in read_table(self.table).columns]
            frame = self.frame
        except UserError as mistake:
            yield Mistake(("table",), mistake.what, mistake.remedy)
            return
        for name in (name for name in columns if name not in CORRELATION_COLUMNS):
            yield Mistake(
                ("table",), f"there is no column {name}", nearest(name, CORRELATION_COLUMNS)
            )
        for row in records(frame):
            if not (abs(row.rho) <= 1 and row.n >= 3 and not (row.p < 0 or row.p > 1)):
                yield Mistake(
                    ("table",),
                    f"{row.parameter}: rho is not in [-1, 1], n below 3 or p not in [0, 1]",
                    "Correct the row",
                )
            if row.claim and row.claim not in _SAYINGS:
                yield Mistake(
                    ("table",),
                    f"{row.parameter}: it cannot say '{row.claim}'",
                    nearest(str(row.claim), _SAYINGS),
                )


class Elites(PrintedModel):
    """A choice that the best rows share."""

    choice: str = Field(description="as parameter=choice")
    elites: int = Field(ge=1, description="number of best rows")
    agree: int = Field(ge=0, description="those of them that have the choice")
    rows: int = Field(ge=1, description="all rows")
    have: int = Field(ge=0, description="all rows that have the choice")

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if not (
            self.agree <= min(self.elites, self.have) and max(self.elites, self.have) <= self.rows
        ):
            raise ValueError(
                f"{self.agree} of {self.elites} elites cannot agree where {self.have} of "
                f"{self.rows} rows have the choice; correct the counts"
            )
        return self


class PrintedSweep(PrintedModel):
    """A sweep as the report describes it."""

    method: Literal["grid", "random", "adaptive"]
    axes: dict[str, Count | Values] = Field(description="values, or how many, by parameter")
    when: dict[str, dict[str, Scalar]] = Field(
        {}, description="by parameter: the choice of another with which alone it exists"
    )
    runs: int | None = Field(None, ge=1, description="as the report counts them")
    bands: list[int] = Field([], description="epochs at which weak runs are stopped")
    begins: dict[str, int] = Field({}, description="epoch at which a mechanism under study starts")

    def _misfits(self) -> Iterator[Mistake]:
        for name, condition in self.when.items():
            for other, choice in condition.items():
                values = self.axes.get(other)
                if name not in self.axes or not isinstance(values, list) or choice not in values:
                    yield Mistake(
                        ("when", name),
                        f"no axis {name}, or none {other} that lists {choice}",
                        "Write both in axes, the values of the other one by one",
                    )


class Stage(PrintedModel):
    """Runs that choose, or runs that confirm."""

    seeds: list[int] = Field([], description="their seeds")
    split: str | None = Field(None, description="data that their scores are on")


class PlannedTests(PrintedModel):
    """Tests that are planned or were made."""

    test: LocationTest
    seeds: int = Field(ge=1, description="of each arm")
    tests: int = Field(1, ge=1, description="number of p-values")
    correction: Correction = "none"
    alpha: float = Field(0.05, gt=0, lt=1)


class PrintedReport(PrintedModel):
    """A report: what it prints, what it says, what it plans."""

    title: str
    registered: str | None = Field(None, description="where the claims stood before the data")
    tables: dict[str, PrintedTable] = Field({}, description="by name")
    statements: list[Statement] = Field([], description="what the report says of its figures")
    corrected: bool = Field(False, description="whether their p-values were corrected")
    correlations: dict[str, PrintedCorrelations] = Field({}, description="tables of these")
    elites: list[Elites] = Field([], description="what the best rows share")
    sweeps: dict[str, PrintedSweep] = Field({}, description="sweeps that were or will be run")
    selection: Stage | None = Field(None, description="the runs that chose")
    confirmation: Stage | None = Field(None, description="the runs that confirm what was chosen")
    tests: dict[str, PlannedTests] = Field({}, description="tests that were made or are planned")
    next: dict[str, list[str]] = Field(
        {}, description="configurations to come: the settings that each changes"
    )

    def _misfits(self) -> Iterator[Mistake]:
        for position, one in enumerate(self.statements):
            yield from self._missing(position, one)

    def _missing(self, position: int, one: Statement) -> Iterator[Mistake]:
        if one.table is None:
            return
        where = ("statements", position)
        if one.table not in self.tables:
            what = f"there is no table {one.table}"
            yield Mistake((*where, "table"), what, nearest(one.table, list(self.tables)))
            return
        table = self.tables[one.table]
        if one.metric is not None and one.metric not in table.metrics:
            what = f"there is no metric {one.metric} in table {one.table}"
            yield Mistake((*where, "metric"), what, nearest(one.metric, list(table.metrics)))
        if one.says == "predicts":
            return
        for key, row in (("who", one.who), ("than", one.than)):
            if row is not None and row not in table.rows:
                yield replace(no_row(row, table.rows), path=(*where, key))
