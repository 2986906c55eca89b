"""What a study says of itself, so that its models can be examined.

Its module `examination` has `LEVERS`: by the name of a cause, the setting that may be that cause
and the value under which it is none. Its module `evaluation` has `latent_model`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latentlab.core.errors import UserError, noting, together
from latentlab.core.validation import nearest, validate
from latentlab.experiment.blocks import leaves, merged

if TYPE_CHECKING:
    from latentlab.experiment.study import Study
    from latentlab.experiment.trained_model import TrainedModel
    from latentlab.metrics.latent_model import LatentVariableModel
    from latentlab.training.config import TrialConfig

_WRITE = "docs/collapse.md says what to write."


@dataclass(frozen=True)
class Lever:
    """One setting, and the value that it is given to see whether it is the cause.

    Attributes:
        setting: its dotted key, such as `objective.beta`.
        value: returns the value from the configuration; the present one where the setting can be
            no cause.
    """

    setting: str
    value: Callable[[Any], Any]

    def pulled(self, config: TrialConfig) -> TrialConfig:
        """Return the configuration with the setting changed; itself where it stands so.

        Raises:
            UserError: there is no such setting, or it may not have that value.
        """
        value = self.value(config)
        if value == self.of(config):
            return config
        block = _with_setting(config.model_dump(mode="json"), self.setting, value)
        return validate(type(config), block, f"LEVERS: {self.setting}")

    def of(self, config: TrialConfig) -> Any:
        """Return the setting as it stands in a configuration.

        Raises:
            UserError: there is no such setting.
        """
        return _present(config, self.setting)


def times(setting: str, factor: float) -> Lever:
    """Return a lever that multiplies a setting."""
    return Lever(setting, lambda config: _present(config, setting) * factor)


def to(setting: str, value: Any) -> Lever:
    """Return a lever that sets a setting."""
    return Lever(setting, lambda config: value)


def epochs_share(setting: str, share: float) -> Lever:
    """Return a lever that sets a number of epochs to a share of the training."""
    return Lever(setting, lambda config: share * config.training.epochs)


def _present(config: TrialConfig, setting: str) -> Any:
    settings = dict(leaves(config.model_dump(mode="json")))
    if setting not in settings:
        raise UserError(
            f"LEVERS name the setting {setting}, which {type(config).__name__} lacks",
            nearest(setting, sorted(settings)),
        )
    return settings[setting]


def _with_setting(block: Mapping[str, Any], setting: str, value: Any) -> dict[str, Any]:
    """Return a configuration's block with another value at a dotted key."""
    over: Any = value
    for key in reversed(setting.split(".")):
        over = {key: over}
    return merged(block, over)


def levers_of(study: Study) -> Mapping[str, Lever]:
    """Return the study's levers, by the cause that each speaks of.

    Raises:
        UserError: it has none.
    """
    name = f"{study.package}.examination"
    if importlib.util.find_spec(name) is None:
        raise UserError(
            f"{study.name} says nowhere which settings may be the causes of a collapse",
            f"Write LEVERS into the module {name}; {_WRITE}",
        )
    levers: Mapping[str, Lever] = importlib.import_module(name).LEVERS
    return levers


def require_examinable(study: Study) -> None:
    """Refuse a study that lacks what an examination asks for.

    Raises:
        UserError: names all that is missing.
    """
    mistakes: list[UserError] = []
    for asked in (latent_model_of, levers_of):
        with noting(mistakes):
            asked(study)
    if mistakes:
        raise together(mistakes)


def latent_model_of(study: Study) -> Callable[[TrainedModel], LatentVariableModel]:
    """Return what makes the study's trained models latent-variable models.

    Raises:
        UserError: the study has no such function; its module is named.
    """
    found: Callable[[TrainedModel], LatentVariableModel] | None = None
    if not study.runs_programs:
        found = getattr(study.evaluation, "latent_model", None)
    if found is None:
        raise UserError(
            f"{study.name} does not say how its models are latent-variable models",
            f"Write the function latent_model(model) into {study.package}.evaluation; {_WRITE}",
        )
    return found
