"""The contents of a study's `hypotheses.yml`: claims, their families and their defaults."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from latentlab.core.errors import UserError
from latentlab.core.validation import validate
from latentlab.evidence.claims import (
    Declaration,
    Equivalence,
    Interaction,
    LocationClaim,
    Missing,
    NonInferiority,
    Pairing,
    Superiority,
)
from latentlab.evidence.trend_claims import Association, Monotone
from latentlab.statistics.attainable import PAIRED_TESTS, UNPAIRED_TESTS
from latentlab.statistics.corrections import Correction

Hypothesis = Annotated[
    Superiority | NonInferiority | Equivalence | Interaction | Monotone | Association,
    Field(discriminator="kind"),
]


class Family(Declaration):
    """Hypotheses that are corrected together, each direction on its own."""

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    correction: Correction = "holm"
    status: Literal["confirmatory", "exploratory"] = "confirmatory"


class Defaults(Declaration):
    """What holds for every hypothesis that does not say otherwise."""

    min_seeds: int = Field(default=5, ge=2)
    pairing: Pairing = "seed"
    missing: Missing = "fail"


class Registration(Declaration):
    """Who declared the hypotheses, and when."""

    by: str
    date: datetime.date


class Hypotheses(Declaration):
    """A study's hypotheses, their families and their defaults."""

    study: str = Field(min_length=1)
    registered: Registration | None = None
    families: dict[str, Family]
    defaults: Defaults = Defaults()
    hypotheses: dict[str, Hypothesis]
    stopping: None = None

    @field_validator("stopping", mode="before")
    @classmethod
    def _no_stopping_plan(cls, value: object) -> object:
        if value is not None:
            raise ValueError(
                "a stopping plan is not built yet: remove stopping and fix the seeds in advance"
            )
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, hypothesis in self.hypotheses.items():
            if isinstance(hypothesis, LocationClaim):
                self._check_test(name, hypothesis)
            elif isinstance(hypothesis, Association) and self.missing(name) == "worst_value":
                raise ValueError(
                    f"hypotheses.{name}.missing: an association has no worst value; write fail "
                    "or exclude_pair"
                )
        return self

    def _check_test(self, name: str, hypothesis: LocationClaim) -> None:
        paired = self.paired(name)
        if isinstance(hypothesis, Interaction) and not paired:
            raise ValueError(f"hypotheses.{name}.pairing: an interaction is paired by seed")
        allowed = PAIRED_TESTS if paired else UNPAIRED_TESTS
        tests = {"primary": hypothesis.test.primary}
        # A test for independent arms may stand beside a paired one, but not the reverse.
        if not paired or isinstance(hypothesis, Interaction):
            tests |= {f"sensitivity[{i}]": t for i, t in enumerate(hypothesis.test.sensitivity)}
        for key, test in tests.items():
            if test not in allowed:
                raise ValueError(
                    f"hypotheses.{name}.test.{key}: {test} does not fit pairing: "
                    f"{'seed' if paired else 'none'}; write one of {', '.join(allowed)}"
                )

    def paired(self, name: str) -> bool:
        """Whether the arms of hypothesis `name` share seeds."""
        pairing = getattr(self.hypotheses[name], "pairing", None)
        return (pairing or self.defaults.pairing) == "seed"

    def missing(self, name: str) -> Missing:
        """What a trial without a score means for hypothesis `name`."""
        return self.hypotheses[name].missing or self.defaults.missing

    def min_seeds(self, name: str) -> int:
        """Fewest seeds that may decide hypothesis `name`."""
        return self.hypotheses[name].min_seeds or self.defaults.min_seeds

    def family_of(self, name: str) -> Family:
        """The family of hypothesis `name`.

        Raises:
            UserError: when the family is not declared.
        """
        family = self.hypotheses[name].family
        if family not in self.families:
            raise UserError(
                f"hypothesis {name}: family: {family!r} is not declared",
                f"Write one of {', '.join(self.families) or 'none yet'}, or add it to families",
            )
        return self.families[family]


def read_hypotheses(contents: Mapping[str, Any], source: str) -> Hypotheses:
    """Validate the contents of a file of hypotheses.

    Args:
        contents: the parsed YAML.
        source: name of the file, for the message.

    Raises:
        UserError: one line that names the file, the hypothesis, the key and what to write.
    """
    return validate(Hypotheses, contents, source)
