"""What a source is: a name, a config, and a function that reads its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import Field

from latentlab.core.model import StrictModel
from latentlab.core.validation import validate
from latentlab.data.prepared import Prepared


class SourceConfig(StrictModel):
    """What all sources can be asked for."""

    subset: int | None = Field(
        default=None,
        ge=2,
        le=1_000_000_000,
        description="training examples in a stratified subset, the other splits in proportion; "
        "none: all of them",
    )


class DownloadConfig(SourceConfig):
    """A source that can fetch its own files."""

    download: bool = Field(
        default=True, description="fetch missing files from the official address into the folder"
    )


Config = TypeVar("Config", bound=SourceConfig)


@dataclass(frozen=True)
class Source(Generic[Config]):
    """A place where examples come from.

    Attributes:
        name: its key in the registry and the name of its folder under `data/01_raw`.
        config: the class of its settings.
        read: reads the raw folder (which need not exist) into a `Prepared`.
    """

    name: str
    config: type[Config]
    read: Callable[[Config, Path], Prepared]

    def validate(self, config: SourceConfig | Mapping[str, object] | None) -> Config:
        """Settings as an instance of `self.config`.

        Raises:
            UserError: an unknown key, or a value out of range.
        """
        if isinstance(config, self.config):
            return config
        given = config.model_dump() if isinstance(config, SourceConfig) else config
        given = {} if given is None else given
        return validate(self.config, given, f"Source '{self.name}'")


def subset_note(examples: int | None) -> str:
    """How a subset is named at the end of an origin line."""
    return "" if examples is None else f"; stratified subset of {examples} training examples"
