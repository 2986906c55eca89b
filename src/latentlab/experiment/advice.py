"""Advice on a configuration: rules say what is good, what could be better, and why.

A rule is a small pure function of a configuration and of facts about data and model. Settings have
standard names (`batch_size`, `latent_dim`, ...), whatever a study calls them; a map from these
names to dotted keys makes a rule serve another study. What a rule recommends is `prior`, an
opinion, until a study has measured it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["good", "could be better", "missing", "not judged"]
Confidence = Literal["prior", "measured"]
Priority = Literal["high", "medium", "low"]
Settings = Mapping[str, Any]
"""Values by standard name; what facts are known stands among them."""


TRAINING_KEYS: Mapping[str, str] = {
    name: f"training.{name}"
    for name in (
        "learning_rate",
        "schedule",
        "final_factor",
        "step_epochs",
        "batch_size",
        "epochs",
        "optimiser",
        "weight_decay",
        "gradient_clip",
    )
}
"""Standard names of what every study has; a study adds its own to them."""

_PRIORITIES = ("high", "medium", "low")


class Facts(BaseModel):
    """What a rule may know beside the configuration; `None`: not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    classes: int | None = Field(None, ge=1, le=1_000_000, description="classes that are told apart")
    classes_available: int | None = Field(
        None, ge=1, le=1_000_000, description="classes that the data has"
    )
    training_examples: int | None = Field(
        None, ge=1, le=1_000_000_000_000, description="examples of an epoch"
    )
    pretrained: bool | None = Field(None, description="whether a part that trains was pretrained")
    backbone_width: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="features that the widest encoder hands to the latent space",
    )
    epochs_to_plateau: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="epochs after which a training of this kind levelled off",
    )


@dataclass(frozen=True)
class Prediction:
    """A gain that a report predicts, in the metric's units; positive is better."""

    metric: str
    low: float
    high: float


@dataclass(frozen=True)
class RuleResult:
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
    judge: Callable[[Settings, Facts], RuleResult]
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
    """A rule's result for a configuration, in the words of that configuration.

    Attributes:
        rule: what was checked.
        result: what the rule says.
        current: the settings that were read, by dotted key.
        changes: the recommended values by dotted key; empty: keep what there is.
    """

    rule: Rule
    result: RuleResult
    current: Settings
    changes: Settings

    @property
    def reason_not_measured(self) -> str:
        """Why no arm measures the recommendation; empty where one does."""
        if self.changes:
            return ""
        if self.result.unmeasured:
            return self.result.unmeasured
        kept = "the configuration has it already, so there is nothing to change"
        return kept if self.result.status == "good" else self.result.rationale


def advise(
    config: Mapping[str, Any],
    keys: Mapping[str, str],
    facts: Facts,
    rules: Sequence[Rule],
) -> list[Advice]:
    """What every rule says about a configuration.

    Args:
        config: nested settings, such as the dump of a study's config.
        keys: standard name to dotted key; a rule that reads a name without a key judges nothing.
        facts: about data and model.
        rules: in the order of the answer; one that comes `after` another stands below it.
    """
    settings = facts.model_dump(exclude_none=True)
    settings |= {
        name: value for name, key in keys.items() if (value := _at(config, key)) is not None
    }
    found: dict[str, Advice] = {}
    for rule in rules:
        first = found.get(rule.after)
        result = _judged(rule, settings, {} if first is None else first.result.change, facts)
        found[rule.name] = Advice(
            rule,
            result,
            {keys.get(name, name): settings[name] for name in rule.reads if name in settings},
            {keys[name]: value for name, value in result.change.items()},
        )
    return list(found.values())


def _judged(rule: Rule, settings: Settings, before: Settings, facts: Facts) -> RuleResult:
    """The result for the settings; what it recommends holds once `before` has changed."""
    lacking = [name for name in rule.reads if name not in settings]
    if lacking:
        return RuleResult("not judged", f"Not known here: {', '.join(lacking)}.")
    result = rule.judge(settings, facts)
    if not before:
        return result
    later = rule.judge({**settings, **before}, facts)
    told = f"{result.rationale} Once {_words(before)}: {later.rationale}"
    return replace(later, status=result.status, rationale=told if later.change else later.rationale)


def implementation_order(advice: Sequence[Advice]) -> list[Advice]:
    """Recommendations in the order in which to act: by priority, then cost, then as listed.

    None comes before the one that it builds upon.
    """
    open_ones = [one for one in advice if one.changes]
    ordered: list[Advice] = []
    while open_ones:
        waiting = {one.rule.name for one in open_ones}
        ready = [one for one in open_ones if one.rule.after not in waiting]
        chosen = min(ready, key=lambda one: (_PRIORITIES.index(one.rule.priority), one.result.cost))
        ordered.append(chosen)
        open_ones.remove(chosen)
    return ordered


def _words(settings: Settings) -> str:
    return ", ".join(f"{name} is {value}" for name, value in settings.items())


def _at(config: Mapping[str, Any], key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value
