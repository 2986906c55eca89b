"""What a rule of advice is: a small pure function of a configuration and of facts.

Settings have standard names (`batch_size`, `latent_dim`, ...), whatever a study calls them; a map
from these names to dotted keys makes a rule serve another study.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["good", "could be better", "missing", "not judged"]
Confidence = Literal["prior", "measured"]
Priority = Literal["high", "medium", "low"]
Settings = Mapping[str, Any]
"""Values by standard name; what facts are known stands among them."""


class Facts(BaseModel):
    """What a rule may know beside the configuration; `None`: not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    classes: int | None = Field(None, ge=1, description="classes that are told apart")
    classes_available: int | None = Field(None, ge=1, description="classes that the data has")
    training_examples: int | None = Field(None, ge=1, description="examples of an epoch")
    pretrained: bool | None = Field(None, description="whether a part that trains was pretrained")
    backbone_width: int | None = Field(
        None, ge=1, description="features that the widest encoder hands to the latent space"
    )
    epochs_to_plateau: int | None = Field(
        None, ge=1, description="epochs after which a training of this kind levelled off"
    )


@dataclass(frozen=True)
class Prediction:
    """A gain that a report predicts, in the metric's units; positive is better."""

    metric: str
    low: float
    high: float


@dataclass(frozen=True)
class Finding:
    """What a rule says about one configuration.

    Attributes:
        status: how the configuration stands.
        rationale: why, in sentences.
        change: recommended values by standard name; empty: keep what there is.
        cost: training time with the change over that without, roughly.
        confidence: `measured` where a fact was measured that decides.
        unmeasured: why no arm of a study can show the effect, where none can.
    """

    status: Status
    rationale: str
    change: Settings = field(default_factory=dict)
    cost: float = 1.0
    confidence: Confidence = "prior"
    unmeasured: str = ""


@dataclass(frozen=True)
class Rule:
    """One check.

    Attributes:
        name: such as `batch_size`; an arm that measures the recommendation has this name.
        title: for people.
        source: paper, or section of a report.
        priority: how soon to act on it.
        judge: the check, a pure function.
        reads: standard names, and names of facts, without which it judges nothing.
        section: number of the report's section; none: from elsewhere in it.
        prediction: the gain that the report predicts for the change, if it does.
        aims_at: the metric that the change is meant for, where no gain is predicted.
        after: the rule whose change comes first; the recommendation is then made, and measured,
            on top of that change.
        variant: the variant of the study without which the change has no effect.
    """

    name: str
    title: str
    source: str
    priority: Priority
    judge: Callable[[Settings, Facts], Finding]
    reads: tuple[str, ...]
    section: int | None = None
    prediction: Prediction | None = None
    aims_at: str = "accuracy"
    after: str = ""
    variant: str = ""

    @property
    def metric(self) -> str:
        """What shows whether the change helps."""
        return self.aims_at if self.prediction is None else self.prediction.metric


@dataclass(frozen=True)
class Advice:
    """A rule's finding about a configuration, in the words of that configuration.

    Attributes:
        rule: what was checked.
        finding: what was found.
        current: the settings that were read, by dotted key.
        changes: the recommended values by dotted key; empty: keep what there is.
    """

    rule: Rule
    finding: Finding
    current: Settings
    changes: Settings

    @property
    def reason_not_measured(self) -> str:
        """Why no arm measures the recommendation; empty where one does."""
        if self.changes:
            return ""
        if self.finding.unmeasured:
            return self.finding.unmeasured
        kept = "the configuration has it already, so there is nothing to change"
        return kept if self.finding.status == "good" else self.finding.rationale
