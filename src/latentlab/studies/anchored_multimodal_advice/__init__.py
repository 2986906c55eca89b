"""Advice on configurations of `anchored_multimodal`, measured change by change.

A study of its own: its arms and hypotheses follow from the advice on one configuration, so that
preparation, training, verdicts, report and MLflow are those of every study.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field

from latentlab.evidence.hypotheses import Hypotheses
from latentlab.experiment.advice import Facts
from latentlab.experiment.blocks import merged
from latentlab.experiment.declaration import Block, DatasetDefaults
from latentlab.experiment.study import Study
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal.declaration import MultimodalDeclaration
from latentlab.studies.anchored_multimodal_advice.plan import CURRENT, Plan, advise_on
from latentlab.studies.anchored_multimodal_advice.reported_names import BLOCKS, read_configuration
from latentlab.training.per_trial import canonical_json

if TYPE_CHECKING:
    import pandas as pd


class AdviceDeclaration(MultimodalDeclaration):
    """The `anchored_multimodal_advice` block of the parameters.

    The configuration that is examined wins over what the data set brings, and the study's own
    `model`, `objective` and `training` win over it.
    """

    table_caption = (
        "Gains that the report predicts, read as differences of shares, beside those that were "
        "measured: mean over seeds of the paired difference with its unadjusted interval."
    )

    configuration: Block | str = Field(
        {}, description="what is examined: settings, the report's names, or a YAML file of either"
    )
    facts: dict[str, Facts] = Field({}, description="what is known of data sets, by name")

    @cached_property
    def examined(self) -> Block:
        """The configuration as nested settings, and facts that its names imply."""
        return read_configuration(self.configuration)

    @property
    def subject(self) -> str:
        """The data set and the configuration: claims on another one are other claims."""
        examined = hashlib.sha256(canonical_json(self.examined).encode()).hexdigest()
        return f"{self.dataset}, configuration {examined[:8]}"

    @property
    def dataset_config(self) -> DatasetDefaults:
        """What the chosen data set brings, and over it the configuration."""
        brought = super().dataset_config
        return brought.model_copy(
            update={
                block: merged(getattr(brought, block), self.examined.get(block, {}))
                for block in BLOCKS
            }
        )

    @cached_property
    def current(self) -> AnchoredMultimodalConfig:
        """The configuration that is examined, resolved.

        Raises:
            UserError: a key that does not exist or a value out of range.
        """
        config = self._resolve(CURRENT, {})
        assert isinstance(config, AnchoredMultimodalConfig)
        return config

    @cached_property
    def plan(self) -> Plan:
        """The advice, and the arms and comparisons that measure it."""
        declared = self.facts.get(self.dataset, Facts()).model_dump(exclude_none=True)
        facts = Facts.model_validate(declared | self.examined.get("facts", {}))
        objective = self.current.objective.groups.objective
        return Plan(
            advise_on(self.current, facts), "weighted" if objective == "plain" else objective
        )

    def declared(self) -> Block:
        """The arms that follow from the advice, and over them those that are declared."""
        return merged(self.plan.arms(), super().declared())

    def all_hypotheses(self) -> Hypotheses:
        """One hypothesis for every recommendation that changes something, and those declared."""
        return self.plan.claims(self.hypotheses)

    def table(self, comparison: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame | None:
        """Predicted gains beside measured ones."""
        from latentlab.studies.anchored_multimodal_advice.gains import gains, gains_text

        return gains_text(gains(self.plan, verdicts, self.metric_table))


STUDY = Study(
    name="anchored_multimodal_advice",
    title="Advice on a configuration, measured",
    question=(
        "What does each recommendation of the report gain alone, what do all gain together, and "
        "does the report predict it?"
    ),
    declaration=AdviceDeclaration,
    control=CURRENT,
    curves=("validation_cross_entropy", "validation_total", "train_group_weight_visual"),
    strips=("accuracy", "text_accuracy", "worst_group_accuracy"),
    package="latentlab.studies.anchored_multimodal_advice",
    figures=("gains", "status", "order", "plateaus", "verdicts", "curves"),
    advises="anchored_multimodal",
)
