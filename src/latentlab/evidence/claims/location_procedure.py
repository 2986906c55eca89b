"""How a claim about where scores lie is judged: by which tests, and what it is to hold for."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from latentlab.core.model import StrictModel
from latentlab.evidence.claims.base import Source
from latentlab.evidence.decisions import Sides
from latentlab.statistics.attainable import PAIRED_TESTS, LocationTest


def _as_list(stated: Any) -> Any:
    return [stated] if isinstance(stated, str) else stated


def _known_population(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    if sorted(sources) not in (["seeds"], ["examples", "seeds"]):
        raise ValueError("write seeds, or [seeds, examples]")
    return tuple(sorted(sources, reverse=True))


Population = Annotated[
    tuple[Source, ...],
    BeforeValidator(_as_list, json_schema_input_type=tuple[Source, ...] | Source),
    AfterValidator(_known_population),
]
"""What a verdict is to hold for: `seeds`, or `[seeds, examples]`."""


class LocationProcedure(StrictModel):
    """How two arms are compared: the primary test decides, the others show what hangs on it."""

    primary: LocationTest = Field("paired_t", description="the test that decides")
    sensitivity: tuple[LocationTest, ...] = Field((), description="tests that are shown beside it")
    sides: Sides = Field(
        "one", description="one spends alpha on each direction, two shares it between them"
    )

    def check(self, primary: tuple[LocationTest, ...], others: tuple[LocationTest, ...]) -> None:
        """Refuse tests that do not fit the pairing of the arms.

        Raises:
            ValueError: names the key and the tests that may stand there.
        """
        stated = {"primary": (self.primary, primary)}
        stated |= {
            f"sensitivity[{index}]": (test, others) for index, test in enumerate(self.sensitivity)
        }
        for key, (test, allowed) in stated.items():
            if test not in allowed:
                pairing = "seed" if primary == PAIRED_TESTS else "none"
                raise ValueError(
                    f"test.{key}: {test} does not fit pairing: {pairing}; "
                    f"write one of {', '.join(allowed)}"
                )
