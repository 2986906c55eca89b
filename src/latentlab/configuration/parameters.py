"""All parameters as one model: every key of `conf/` and of `--params` is known or refused."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from kedro.framework.context import KedroContext
from pydantic import Field, create_model

from latentlab.compute.config import ComputeConfig
from latentlab.core.model import StrictModel
from latentlab.core.validation import validate
from latentlab.experiment.sweep.settings import SweepsConfig
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.search.imported_sweeps.source import ImportedSweep
from latentlab.studies.registry import STUDIES


class TrackingConfig(StrictModel):
    """The `tracking` block: what goes into the tracking store."""

    weights: Literal["all", "chosen"] = Field(
        "all", description="every trial's weights, or those of the registered one alone"
    )


class SharedParameters(StrictModel):
    """The parameters that are of no study."""

    compute: ComputeConfig
    raw_data: str = Field(min_length=1, description="folder of files that you already have")
    retrain: bool = Field(False, description="train known trials again")
    rehearsal: bool = Field(
        False,
        description="runs only try the pipeline, and terminal and reports say so",
    )
    tracking: TrackingConfig = TrackingConfig()
    sweeps: SweepsConfig
    analysis: ImportedSweep = ImportedSweep()
    evidence: EvidenceSettings = EvidenceSettings()


@cache
def parameters_model() -> type[SharedParameters]:
    """Return the model of all parameters: the shared ones, and a block for every study."""
    blocks: Any = {name: (study.declaration, ...) for name, study in STUDIES.items()}
    return create_model("Parameters", __base__=SharedParameters, **blocks)


def validated(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter by name, as what its model makes of it.

    Raises:
        UserError: one line with every mistake, its key and its remedy.
    """
    model = parameters_model()
    parameters = validate(model, dict(content), "", elsewhere=_below_studies())
    return {name: getattr(parameters, name) for name in model.model_fields}


def _below_studies() -> dict[str, str]:
    """Return what to write instead of a setting of studies that stands outside of them."""
    return {
        key: f"Write the study before it: {name}.{key}"
        for name, study in reversed(STUDIES.items())
        for key in study.declaration.model_fields
    }


class ProjectContext(KedroContext):
    """Kedro's context, with all parameters validated by the project's own models.

    Kedro validates what the chosen pipelines' nodes annotate, passes over keys that no node reads,
    and keeps only the text of what is wrong.
    """

    _parameters: dict[str, Any] | None = None

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, validated once.

        Raises:
            UserError: one line with every mistake in them.
        """
        if self._parameters is None:
            self._parameters = validated(self.config_loader["parameters"])
        return self._parameters

    def _get_parameters(self) -> dict[str, Any]:
        """The parameters as nodes take them: whole blocks.

        Kedro adds a data set for every key inside them: thousands that no node reads, a tenth of
        the time of a short run.
        """
        blocks = {f"params:{name}": value for name, value in self.params.items()}
        return {"parameters": self.params, **blocks}
