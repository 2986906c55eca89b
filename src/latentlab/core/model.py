"""The base of everything that is declared in a file or kept in one."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class StrictModel(BaseModel):
    """A pydantic model that never changes and in which a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Number = Annotated[float, Field(strict=True)]
"""A number that is written as one: neither true nor text, of which pydantic would make numbers."""


def _split_names(value: object) -> object:
    return str(value).split("+") if isinstance(value, str | int) else value


Names = Annotated[list[str], BeforeValidator(_split_names, json_schema_input_type=list[str] | str)]
"""A list of names; `a+b` too, since the command line cannot give lists."""
