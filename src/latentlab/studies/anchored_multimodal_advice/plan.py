"""From advice to arms and hypotheses: every recommendation alone, and all of them together.

Two variants are advised on, as in the report: the baseline, whose groups have no weights, and
GroupDRO. `current` and `current_groupdro` are the configuration as it is in either variant;
`together` and `together_groupdro` are what is recommended. Every other arm has one recommendation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latentlab.evidence.hypotheses import Hypotheses
from latentlab.experiment.advice import TRAINING_KEYS, Advice, Facts, advise
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal_advice.reported_names import nested
from latentlab.studies.anchored_multimodal_advice.rules import CATALOGUE

KEYS: Mapping[str, str] = {
    **TRAINING_KEYS,
    "backbone_rate": "model.backbone_rate",
    "latent_dim": "model.latent_dim",
    "head_hidden": "model.head_hidden",
    "head_scales": "model.head_scales",
    "text_encoder": "model.text_encoder",
    "dropout": "model.dropout",
    "group_eta": "objective.groups.eta",
    "group_gamma": "objective.groups.gamma",
    "group_warmup_epochs": "objective.groups.warmup_epochs",
    "fit_weight": "objective.fit_weight",
    "separation_weight": "objective.separation_weight",
    "anchor_floor": "objective.anchor_floor",
    "separation_samples": "objective.separation_samples",
    "separation": "objective.separation",
}
"""Standard names of advice in the study's words."""

CURRENT, TOGETHER = "current", "together"
GROUPDRO = "groupdro"
_FEATURES = 512
_OBJECTIVE = "objective.groups.objective"
_TEST = {"primary": "paired_t", "sensitivity": ["sign_flip", "wilcoxon"], "sides": "one"}


def facts_of(config: AnchoredMultimodalConfig, declared: Facts) -> Facts:
    """What is known beside the configuration; what is declared wins over what it implies."""
    model = config.model
    implied: dict[str, Any] = {"pretrained": model.pretrained is not None}
    if model.visual_encoder != "feature_visual":
        implied["backbone_width"] = round(_FEATURES * model.width_multiplier)
    return Facts.model_validate(implied | declared.model_dump(exclude_none=True))


def advise_on(config: AnchoredMultimodalConfig, declared: Facts) -> list[Advice]:
    """What every rule says about a configuration of the study."""
    return advise(config.model_dump(), KEYS, facts_of(config, declared), CATALOGUE)


@dataclass(frozen=True)
class Comparison:
    """One arm with a change, and the arm that it is compared with.

    Attributes:
        arm: the arm with the change.
        control: the arm without it.
        changes: all that differs between them, by dotted key.
        advice: the recommendation; none where the arm has all of them.
    """

    arm: str
    control: str
    changes: Mapping[str, Any]
    advice: Advice | None


@dataclass(frozen=True)
class Plan:
    """The arms and comparisons that measure advice.

    Attributes:
        advice: one per rule.
        objective: how GroupDRO weighs its groups; `weighted` unless the configuration has another.
    """

    advice: Sequence[Advice]
    objective: str

    def variant(self, name: str) -> dict[str, Any]:
        """What makes a configuration the baseline (no name) or GroupDRO."""
        return {_OBJECTIVE: self.objective if name else "plain"}

    def recommended(self, variant: str) -> dict[str, Any]:
        """All recommendations that matter in a variant, by dotted key."""
        changes: dict[str, Any] = {}
        for one in self.advice:
            if one.rule.variant in {"", variant}:
                changes |= one.changes
        return changes

    def comparisons(self) -> Iterator[Comparison]:
        """Every recommendation that changes something, then all of a variant."""
        changing = {one.rule.name: one for one in self.advice if one.changes}
        for name, one in changing.items():
            built_on = one.rule.after if one.rule.after in changing else ""
            control = built_on or _named(CURRENT, one.rule.variant)
            yield Comparison(name, control, one.changes, one)
        for variant in ("", GROUPDRO):
            if changes := self.recommended(variant):
                yield Comparison(_named(TOGETHER, variant), _named(CURRENT, variant), changes, None)

    def arms(self) -> dict[str, dict[str, Any]]:
        """Arms by name, as differences from the configuration."""
        arms = {_named(CURRENT, v): self.variant(v) for v in ("", GROUPDRO)}
        for one in self.comparisons():
            arms[one.arm] = {**arms[one.control], **one.changes}
        return {name: nested(changes) for name, changes in arms.items()}

    def claims(self, declared: Hypotheses) -> Hypotheses:
        """The hypotheses with one for every comparison; one that is declared by name stays.

        A predicted gain is claimed at its low end. Where none is predicted, the claim is that
        there is a gain at all, in a family of its own.
        """
        own = {one.arm: _claim(one) for one in self.comparisons()}
        block = declared.model_dump(mode="json")
        block["hypotheses"] = own | block["hypotheses"]
        return Hypotheses.model_validate(block)


def _claim(one: Comparison) -> dict[str, Any]:
    rule = None if one.advice is None else one.advice.rule
    prediction = None if rule is None else rule.prediction
    metric = rule.metric if rule is not None else aim_of(one.arm)
    does = "all recommendations together raise" if rule is None else f"{words(one.changes)} raises"
    enough = f", by {prediction.low:g} or more as predicted" if prediction else ""
    return {
        "question": f"{does} {metric.replace('_', ' ')} over {one.control}{enough}",
        "kind": "superiority",
        "metric": {"name": metric, "split": "test"},
        "arms": {"treatment": one.arm, "control": one.control},
        "min_effect": prediction.low if prediction else 0.0,
        "test": _TEST,
        "varies": sorted(one.changes),
        "family": "predicted" if prediction else "unquantified",
    }


def aim_of(together: str) -> str:
    """The metric that an arm with all recommendations is meant for."""
    return "worst_group_accuracy" if together.endswith(GROUPDRO) else "accuracy"


def words(changes: Mapping[str, Any]) -> str:
    """Changes as a short text: `schedule linear, final_factor 0.01`."""
    return ", ".join(f"{key.rpartition('.')[2]} {_value(value)}" for key, value in changes.items())


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _named(arm: str, variant: str) -> str:
    return f"{arm}_{variant}" if variant else arm
