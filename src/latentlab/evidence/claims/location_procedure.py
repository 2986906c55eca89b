"""The tests of a claim about where scores lie: the one that decides, and those beside it."""

from __future__ import annotations

from latentlab.core.model import StrictModel
from latentlab.evidence.decisions import Sides
from latentlab.statistics.attainable import PAIRED_TESTS, LocationTest


class LocationProcedure(StrictModel):
    """How two arms are compared: the primary test decides, the others show what hangs on it."""

    primary: LocationTest = "paired_t"
    sensitivity: tuple[LocationTest, ...] = ()
    sides: Sides = "one"

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
