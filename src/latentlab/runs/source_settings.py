"""What a person may say of a source of runs, whatever is made of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class SourceSettings(BaseModel):
    """Where runs are, and how they are read; what is not said is guessed, and the guess said."""

    # A column may be called 1, which the command line reads as a number.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    source: str | None = Field(
        None,
        description="a file (CSV, Parquet, JSON), W&B's or Hydra's folder of runs, an Optuna "
        "storage (a URL, a SQLite or a journal file), or mlflow:<experiment>",
    )
    study: str | None = Field(None, description="Optuna: name of the study; none: the only one")
    seed: str | None = Field(None, description="column of the seed; none: one that is called so")
    state: str | None = Field(
        None, description="files: column of the state; none: one called so, if it holds states"
    )
    table: Literal["wide", "long"] | None = Field(
        None, description="files: a row a run, or a row a value; none: as the columns show"
    )
    value: Literal["last", "best"] | Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        None,
        description="MLflow, long tables, Hydra: which value of a metric counts: last, best, or "
        "that of a step; none: last",
    )
    scores: str | None = Field(
        None, description="Hydra: file of scores in each run's folder; none: the only one"
    )
