"""Short names of parameters, as reports and foreign files use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from latentlab.search.parameters import Scalar, same


@dataclass(frozen=True)
class ParameterAlias:
    """What a short name means in a study's configuration.

    Attributes:
        key: the dotted key, such as `training.learning_rate`.
        values: the study's word for a file's word, where they differ
            (`{True: "cosine", False: "dot"}`); a value that is not listed stays as it is.
    """

    key: str
    values: Mapping[Scalar, Scalar] | None = None

    def value(self, value: Scalar) -> Scalar:
        """The study's word for a value; True and 1 are different words."""
        for one, meant in (self.values or {}).items():
            if same(one, value):
                return meant
        return value
