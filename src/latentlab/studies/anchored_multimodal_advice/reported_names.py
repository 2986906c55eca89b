"""The report's flat YAML names, read as they stand.

`lr`, `head_hidden`, `groupdro_eta` and so on become the study's own keys. Some of the report's
names mean something only together: `lr_backbone` with `lr_new`, `lr_start` with `lr_end`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentlab.core.errors import UserError
from latentlab.core.strict_yaml import load_yaml
from latentlab.experiment.blocks import merged
from latentlab.search.parameter_alias import ParameterAlias

BLOCKS = ("model", "objective", "training")
STUDY = "anchored_multimodal"

NAMES: Mapping[str, ParameterAlias] = {
    "optimizer": ParameterAlias("training.optimiser"),
    "lr": ParameterAlias("training.learning_rate"),
    "weight_decay": ParameterAlias("training.weight_decay"),
    "grad_clip": ParameterAlias("training.gradient_clip"),
    "batch_size": ParameterAlias("training.batch_size"),
    "epochs": ParameterAlias("training.epochs"),
    "lr_step_size": ParameterAlias("training.step_epochs"),
    "lr_gamma": ParameterAlias("training.reduction"),
    "latent_dim": ParameterAlias("model.latent_dim"),
    "head_hidden": ParameterAlias("model.head_hidden"),
    "anchor_eps": ParameterAlias("objective.anchor_floor"),
    "sep_samples_per_class": ParameterAlias("objective.separation_samples"),
    "sep_method": ParameterAlias("objective.separation"),
    "sep_margin": ParameterAlias("objective.separation_margin"),
    "lambda_fit": ParameterAlias("objective.fit_weight"),
    "lambda_sep": ParameterAlias("objective.separation_weight"),
    "groupdro_eta": ParameterAlias("objective.groups.eta"),
    "groupdro_gamma": ParameterAlias("objective.groups.gamma"),
    "groupdro_warmup_epochs": ParameterAlias("objective.groups.warmup_epochs"),
    "groupdro_update_mode": ParameterAlias("objective.groups.update"),
}
"""Names that stand for one key each."""

_TOGETHER = (
    "lr_backbone",
    "lr_new",
    "lr_start",
    "lr_end",
    "lr_scheduler",
    "T_max",
    "eta_min",
    "groups",
    "groupdro_enabled",
    "groupdro_objective",
    "textcaps_num_classes",
)
_SCHEDULES = {None: "constant", "StepLR": "step", "CosineAnnealingLR": "cosine"}


def read_configuration(given: Mapping[str, Any] | str) -> dict[str, Any]:
    """A configuration as nested settings of the study.

    Args:
        given: settings, or the path of a YAML file with them. They are nested as the study's own,
            or flat with the report's names, or both: a flat name then wins. A file may also hold
            the whole block of the study's parameters.

    Returns:
        `model`, `objective`, `training`, and `facts` where the report's names say something about
        the data.

    Raises:
        UserError: the file cannot be read, or holds a name that neither has.
    """
    where, settings = "configuration", given
    if isinstance(given, str):
        where, settings = given, load_yaml(Path(given))
    assert isinstance(settings, Mapping)
    if isinstance(settings.get(STUDY), Mapping):
        settings = {key: value for key, value in settings[STUDY].items() if key in BLOCKS}
    nested = {key: value for key, value in settings.items() if key in BLOCKS}
    flat = {key: value for key, value in settings.items() if key not in BLOCKS}
    unknown = [key for key in flat if key not in NAMES and key not in _TOGETHER]
    if unknown:
        raise UserError(
            f"{where}: {unknown[0]}: there is no such setting",
            f"Write one of {', '.join((*BLOCKS, *NAMES, *_TOGETHER))}.",
        )
    try:
        return merged(nested, _translated(flat))
    except (TypeError, ValueError, ZeroDivisionError, AttributeError) as error:
        raise UserError(
            f"{where}: {error}", "Write the report's names as the report does."
        ) from error


def nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted key as a nested block."""
    block: dict[str, Any] = {}
    for key, value in dotted.items():
        *outer, last = key.split(".")
        inner = block
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return block


def _translated(flat: Mapping[str, Any]) -> dict[str, Any]:
    dotted = {name.key: name.value(flat[own]) for own, name in NAMES.items() if own in flat}
    dotted |= _schedule(flat) | _rates(flat) | _encoders(flat) | _group_weights(flat)
    if "textcaps_num_classes" in flat:
        dotted["facts.classes"] = flat["textcaps_num_classes"]
    return nested(dotted)


def _schedule(flat: Mapping[str, Any]) -> dict[str, Any]:
    if "lr_scheduler" in flat:
        name = flat["lr_scheduler"]
        if name not in _SCHEDULES:
            raise ValueError(f"lr_scheduler: {name!r} is not one of StepLR, CosineAnnealingLR")
        found: dict[str, Any] = {"training.schedule": _SCHEDULES[name]}
        if name == "CosineAnnealingLR":
            if flat.get("T_max", flat.get("epochs")) != flat.get("epochs"):
                raise ValueError("T_max: the cosine spans all epochs; write the same number")
            found["training.final_factor"] = float(flat.get("eta_min", 0)) / _rate(flat)
        return found
    if "lr_end" not in flat:
        return {}
    start = float(flat.get("lr_start", _rate(flat)))
    return {
        "training.schedule": "linear",
        "training.learning_rate": start,
        "training.final_factor": float(flat["lr_end"]) / start,
    }


def _rates(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The backbone's rate is a share of that of the new layers."""
    found: dict[str, Any] = {}
    if "lr_new" in flat:
        found["training.learning_rate"] = float(flat["lr_new"])
    if "lr_backbone" in flat:
        found["model.backbone_rate"] = float(flat["lr_backbone"]) / _rate(flat)
    return found


def _rate(flat: Mapping[str, Any]) -> float:
    for name in ("lr_new", "lr", "lr_start"):
        if name in flat:
            return float(flat[name])
    raise ValueError("lr: another learning rate is given relative to it; write it too")


def _encoders(flat: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for group in flat.get("groups", ()):
        encoder = str(group["encoder"])
        kind = encoder.rpartition("_")[2]
        if kind not in {"visual", "text"}:
            raise ValueError(f"groups: {encoder!r} names no encoder such as char_cnn_text")
        found[f"model.{kind}_encoder"] = encoder
    return found


def _group_weights(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Off unless enabled, whatever objective is written beside it."""
    if "groupdro_enabled" not in flat and "groupdro_objective" not in flat:
        return {}
    on = flat.get("groupdro_enabled", True)
    return {
        "objective.groups.objective": flat.get("groupdro_objective", "weighted") if on else "plain"
    }
