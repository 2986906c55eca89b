"""Where sweeps are found and kept: the `sweeps` block of the parameters."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

from latentlab.core.databases import shown


class SweepsConfig(BaseModel):
    """The `sweeps` block of the parameters: where sweeps are found and kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folders: tuple[str, ...] = Field(
        description="searched in this order for `<study>/sweeps/<name>.yml`"
    )
    storage: str | None = Field(
        None,
        repr=False,
        description="a database's URL; none: a journal file beside the study's trials",
    )
    restart: bool = Field(False, description="forget what the sweep asked before, and begin again")
    run_cap: int | None = Field(
        None, ge=1, le=100_000, description="runs of a W&B file that has no run_cap of its own"
    )
    compare_with: str | None = Field(
        None, description="another sweep of the study whose results are compared with this one's"
    )

    @field_serializer("storage", when_used="json")
    def _without_password(self, storage: str | None) -> str | None:
        # As it is logged.
        return None if storage is None else str(shown(storage))

    @field_validator("storage")
    @classmethod
    def _storage_is_a_url(cls, storage: str | None) -> str | None:
        if storage is not None and "://" not in storage:
            raise ValueError(
                f"{storage!r} is no database's URL; write one such as sqlite:///sweeps.db, or null "
                "for a journal file"
            )
        return storage
