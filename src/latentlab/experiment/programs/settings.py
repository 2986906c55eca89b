"""The `program` block of a study, and its `metrics`: what is run, and what it writes."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from latentlab.core.model import Number, StrictModel
from latentlab.metrics.metric import Better, Metric, Scale
from latentlab.search.parameters import is_number

MLFLOW, WANDB, TENSORBOARD = TRACKERS = ("mlflow", "wandb", "tensorboard")
"""Stand in `scores` and `history` for a run that the program logs in its folder."""

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d)\s*")


def seconds(value: Any) -> Any:
    """Return a duration such as `90`, `"90 s"`, `"2h"` or `"1.5 d"` in seconds.

    Raises:
        ValueError: it is none.

    >>> seconds("2h")
    7200.0
    """
    if isinstance(value, str):
        found = _DURATION.fullmatch(value)
        if found is None:
            raise ValueError(f"{value!r} is no duration; write one such as 90 s, 30 min or 2h")
        return float(found[1]) * _UNITS[found[2]]
    return value


def _text(value: Any) -> Any:
    """A number in a command or a variable is meant as it is written."""
    return str(value) if is_number(value) else value


def _inside(path: str) -> str:
    """Refuse a file that does not lie in the program's folder."""
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError(f"{path!r} leaves the folder of the trial; write a name in {{folder}}")
    return path


Text = Annotated[str, BeforeValidator(_text, json_schema_input_type=str | float)]


Duration = Annotated[Number, BeforeValidator(seconds, json_schema_input_type=float | str)]


class ProgramSettings(StrictModel):
    """The `program` block: a command, where it runs and what it leaves.

    In `command` and `environment` stand settings of the arm, `{training.lr}`, and `{seed}`,
    `{dataset}`, `{folder}` (of the trial, empty, where it writes) and `{device}` (cpu, cuda or
    mps); `{{` and `}}` are braces. `${args}` and its like are filled as W&B's agent does.
    """

    command: tuple[Text, ...] = Field(min_length=1, description="the program and its arguments")
    directory: str = Field(".", min_length=1, description="where it runs, seen from the project")
    scores: str = Field(
        "scores.json",
        min_length=1,
        description="a .json or .csv in {folder}, or its run: mlflow, wandb, tensorboard",
    )
    history: str | None = Field(
        None,
        min_length=1,
        description="a .jsonl or .csv in {folder}, a line an epoch; or mlflow, wandb, tensorboard",
    )
    inputs: tuple[str, ...] = Field(
        (), description="files and folders, seen from `directory`, whose content is part of a trial"
    )
    environment: dict[str, Text | None] = Field(
        {}, description="variables that decide a trial; null: as the shell has them"
    )
    # Left out of the dump of other programs, whose registrations would change with it.
    nested: tuple[str, ...] = Field(
        (),
        exclude_if=lambda nested: not nested,
        description="blocks of settings that ${args} and wandb.config get whole, as W&B's agent "
        "passes nested parameters on; others go by dotted names",
    )
    timeout: Duration | None = Field(
        None, gt=0, allow_inf_nan=False, description="after which it is killed: 90, 30 min, 2h"
    )
    retries: int = Field(0, ge=0, le=100, strict=True, description="times that it is run again")
    epochs: str | None = Field(
        None,
        description="the setting that says how many epochs it trains; none: one that is called "
        "epochs, num_epochs or max_epochs",
    )

    @field_validator("scores")
    @classmethod
    def _scores_can_be_read(cls, scores: str) -> str:
        if scores in TRACKERS or scores.endswith((".json", ".csv")):
            return _inside(scores)
        raise ValueError(
            f"{scores!r} cannot be read; write a .json or .csv, mlflow, wandb or tensorboard"
        )

    @field_validator("history")
    @classmethod
    def _history_can_be_read(cls, history: str | None) -> str | None:
        if history is None or history in TRACKERS:
            return history
        if history.endswith((".jsonl", ".csv")):
            return _inside(history)
        raise ValueError(
            f"{history!r} cannot be read; write a .jsonl or .csv file, or {', '.join(TRACKERS)}"
        )


class DeclaredMetric(StrictModel):
    """One entry of `metrics`: what a score of a program means."""

    better: Better | Literal["none"]
    range: tuple[Number, Number] | None = Field(None, description="smallest and largest value")
    unit: str = Field("score", min_length=1)
    scale: Scale = "linear"
    definition: str = ""

    @field_validator("range")
    @classmethod
    def _rises(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None and not ends[0] < ends[1]:
            raise ValueError(f"{list(ends)} does not rise; write the smallest value first")
        return ends

    def metric(self, name: str) -> Metric:
        """Return it as everything that judges reads it."""
        low, high = self.range or (float("-inf"), float("inf"))
        definition = self.definition or "as the program writes it"
        return Metric(name, self.better, self.unit, definition, low, high, scale=self.scale)
