"""The base of everything that is declared in a file or kept in one."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """A pydantic model that never changes and in which a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
