"""All rules, and what they say about a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from latentlab.evidence.advice.architecture import CLASSES, HEAD, LATENT, TEXT
from latentlab.evidence.advice.objectives import ANCHORS, GROUPS, WEIGHTS
from latentlab.evidence.advice.optimisation import (
    BATCH,
    CLIPPING,
    EPOCHS,
    OPTIMISER,
    PRETRAINED_RATE,
    REGULARISATION,
    SCHEDULE,
)
from latentlab.evidence.advice.rule import Advice, Facts, Finding, Rule, Settings

CATALOGUE: tuple[Rule, ...] = (
    PRETRAINED_RATE,
    BATCH,
    LATENT,
    TEXT,
    HEAD,
    CLASSES,
    SCHEDULE,
    OPTIMISER,
    EPOCHS,
    GROUPS,
    WEIGHTS,
    ANCHORS,
    CLIPPING,
    REGULARISATION,
)
"""The report's twelve sections in their order, then what only its table of settings has."""

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


def advise(
    config: Mapping[str, Any],
    keys: Mapping[str, str],
    facts: Facts,
    rules: Sequence[Rule] = CATALOGUE,
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
        finding = _judged(rule, settings, {} if first is None else first.finding.change, facts)
        found[rule.name] = Advice(
            rule,
            finding,
            {keys.get(name, name): settings[name] for name in rule.reads if name in settings},
            {keys[name]: value for name, value in finding.change.items()},
        )
    return list(found.values())


def _judged(rule: Rule, settings: Settings, before: Settings, facts: Facts) -> Finding:
    """The finding about the settings; what it recommends holds once `before` has changed."""
    lacking = [name for name in rule.reads if name not in settings]
    if lacking:
        return Finding("not judged", f"Not known here: {', '.join(lacking)}.")
    finding = rule.judge(settings, facts)
    if not before:
        return finding
    later = rule.judge({**settings, **before}, facts)
    told = f"{finding.rationale} Once {_words(before)}: {later.rationale}"
    return replace(
        later, status=finding.status, rationale=told if later.change else later.rationale
    )


def implementation_order(advice: Sequence[Advice]) -> list[Advice]:
    """Recommendations in the order in which to act: by priority, then cost, then as listed.

    None comes before the one that it builds upon.
    """
    open_ones = [one for one in advice if one.changes]
    ordered: list[Advice] = []
    while open_ones:
        waiting = {one.rule.name for one in open_ones}
        ready = [one for one in open_ones if one.rule.after not in waiting]
        chosen = min(
            ready, key=lambda one: (_PRIORITIES.index(one.rule.priority), one.finding.cost)
        )
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
