"""The contents of a study's `hypotheses.yml`: claims, their families and their defaults."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from latentlab.core.errors import UserError
from latentlab.core.model import Number, StrictModel
from latentlab.core.validation import validate
from latentlab.evidence.claims.defaults import Defaults
from latentlab.evidence.claims.registry import KINDS, Hypothesis
from latentlab.evidence.stopping import Stopping
from latentlab.statistics.corrections import Correction


class Family(StrictModel):
    """Hypotheses that are corrected together, each direction on its own."""

    alpha: Number = Field(
        default=0.05, gt=0, lt=0.5, description="chance of any false answer in one direction"
    )
    correction: Correction = Field("holm", description="how the claims share alpha")
    status: Literal["confirmatory", "exploratory"] = Field(
        "confirmatory", description="exploratory: its verdicts are said to be so, registered or not"
    )


class Author(StrictModel):
    """Who wrote the hypotheses down, and when."""

    by: str = Field(description="who wrote the claims down")
    date: datetime.date = Field(description="and when")


class Hypotheses(StrictModel):
    """A study's hypotheses, their families and their defaults.

    The claims are whole: what they leave to the defaults is filled in as they are read. Without
    `stopping` there is one look, at all seeds.
    """

    study: str = Field(min_length=1, description="whose claims they are")
    registered: Author | None = Field(None, description="who wrote them down, and when")
    stopping: Stopping | None = Field(
        None, description="looks at more and more seeds; none: one look, at all seeds"
    )
    families: dict[str, Family] = Field(description="claims that are corrected together, by name")
    defaults: Defaults = Field(Defaults(), description="what claims do not say themselves")
    hypotheses: dict[str, Hypothesis] = Field(description="the claims by name")

    @model_validator(mode="before")
    @classmethod
    def _claims_inherit(cls, data: Any) -> Any:
        """Fill in what claims leave to the defaults; what is no claim is refused later."""
        if not isinstance(data, Mapping) or not isinstance(data.get("hypotheses"), Mapping):
            return data
        try:
            defaults = Defaults.model_validate(data.get("defaults", {}))
        except ValidationError:
            return data  # The field of this name reports it, with its key.
        claims = {
            name: defaults.fill(KINDS[stated["kind"]], stated)
            if isinstance(stated, Mapping) and stated.get("kind") in KINDS
            else stated
            for name, stated in data["hypotheses"].items()
        }
        return {**data, "defaults": defaults, "hypotheses": claims}

    @property
    def over_examples(self) -> bool:
        """Whether any claim needs the values of single examples."""
        return any("examples" in claim.population for claim in self.hypotheses.values())

    def family_of(self, name: str) -> Family:
        """Return the family of hypothesis `name`.

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

    Example:
        >>> claim = {"kind": "superiority", "question": "new is better", "family": "primary"}
        >>> hypotheses = read_hypotheses(
        ...     {
        ...         "study": "toy",
        ...         "families": {"primary": {}},
        ...         "defaults": {
        ...             "metric": {"split": "test"},
        ...             "arms": {"treatment": "new", "control": "old"},
        ...         },
        ...         "hypotheses": {"H1": {**claim, "metric": {"name": "accuracy"}}},
        ...     },
        ...     "hypotheses.yml",
        ... )
        >>> hypotheses.hypotheses["H1"].arms.control
        'old'
    """
    return validate(Hypotheses, contents, source)
