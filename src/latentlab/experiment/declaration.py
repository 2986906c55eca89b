"""A study as it is declared in `conf/`: data, arms, seeds and hypotheses.

Precedence, lowest first: defaults of the study's config class, the block of the chosen data set
under `datasets`, the study's own `model`, `objective` and `training`, and the arm. An environment
or `--params` that sets `training.epochs` therefore wins over what the data set brings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from latentlab.core.errors import UserError
from latentlab.core.validation import validate
from latentlab.data import SOURCES
from latentlab.evidence.checks import check
from latentlab.evidence.hypotheses import Hypotheses
from latentlab.metrics.metric import Metric
from latentlab.metrics.timing import TIMES
from latentlab.search.parameter_alias import ParameterAlias
from latentlab.training.config import Seeds, TrialConfig, completed_by

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from latentlab.data import Prepared

Block = dict[str, Any]

STUDY_SEEDS = Seeds(first=0, count=10)
"""The seeds of a study that does not name its own."""


class DatasetDefaults(BaseModel):
    """What a data set brings of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Block = Field({}, description="settings of the source")
    model: Block = {}
    objective: Block = {}
    training: Block = {}
    arms: dict[str, Block | None] = Field({}, description="arms, by name, as differences")
    not_applicable: dict[str, str] = Field(
        {}, description="hypotheses that cannot be judged on this data set, and why"
    )


class ChampionRule(BaseModel):
    """How the one model is chosen that is registered: by validation, never by test.

    The arm with the best mean over seeds wins, and of its trials the best.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    split: Literal["validation"] = "validation"


class Declaration(BaseModel):
    """A study's block in the parameters. Studies subclass it to name their config and metrics.

    `baselines` names arms that are not trained: methods to compare with, which the study's module
    `baselines` fits and scores. `table_title` and `table_caption` head and explain the study's own
    table, where it has one. `parameter_aliases` says what short names of parameters, in search
    spaces and tables from elsewhere, mean in the study's configuration; `rung_score` is the epoch
    score by which a search stops configurations early, one that means the same in all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    config_class: ClassVar[type[TrialConfig]]
    metrics: ClassVar[tuple[Metric, ...]]
    baselines: ClassVar[tuple[str, ...]] = ()
    table_title: ClassVar[str] = "The report's table"
    table_caption: ClassVar[str] = ""
    parameter_aliases: ClassVar[Mapping[str, ParameterAlias]] = {}
    rung_score: ClassVar[str] = "validation_total"

    dataset: str
    datasets: Mapping[str, DatasetDefaults]
    seeds: Annotated[Seeds, completed_by(STUDY_SEEDS)] = STUDY_SEEDS
    model: Block = {}
    objective: Block = {}
    training: Block = {}
    arms: dict[str, Block | None] = Field({}, description="further arms; null removes one")
    champion: ChampionRule
    sweep: str = Field("default", description="the file of the sweep, for the pipeline `.._sweep`")
    hypotheses: Hypotheses
    amendment: str = Field("", description="why what is registered changes; registers it anew")

    _configs: dict[str, TrialConfig] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _everything_resolves(self) -> Self:
        if self.dataset not in self.datasets or self.dataset not in SOURCES:
            known = ", ".join(sorted(set(self.datasets) & set(SOURCES)))
            raise ValueError(f"dataset: '{self.dataset}' is not declared; use one of: {known}")
        try:
            # Written past the frozen model once, here, where it comes into being.
            object.__setattr__(self, "hypotheses", self.all_hypotheses())
            arms = {name: block for name, block in self.declared().items() if block is not None}
            if not arms:
                raise ValueError("arms: there are none; declare at least one")
            SOURCES[self.dataset].validate(self.dataset_config.source)
            for name, block in arms.items():
                self._configs[name] = self._resolve(name, block)
            taken = sorted(set(arms).intersection(self.baselines))
            if taken:
                raise ValueError(f"arms.{taken[0]}: a baseline has this name; choose another")
            names = [*arms, *self.baselines]
            check(self.applicable, names, self.metric_table, self.seeds.numbers())
        except UserError as error:
            raise ValueError(str(error)) from error
        measured = {n for n, metric in self.metric_table.items() if metric.better != "none"}
        if self.champion.metric not in measured:
            raise ValueError(
                f"champion.metric: '{self.champion.metric}' has no better direction or does not "
                f"exist; use one of: {', '.join(sorted(measured))}"
            )
        return self

    def _resolve(self, arm: str, block: Block) -> TrialConfig:
        own = {"model": self.model, "objective": self.objective, "training": self.training}
        brought = self.dataset_config.model_dump(include=set(own))
        return validate(
            self.config_class,
            merged(merged(brought, own), block),
            f"arm {arm}",
            f"Mend it in the arm, in datasets.{self.dataset}, or in the study's own block.",
        )

    @property
    def dataset_config(self) -> DatasetDefaults:
        """What the chosen data set brings."""
        return self.datasets[self.dataset]

    @property
    def configs(self) -> Mapping[str, TrialConfig]:
        """Resolved configuration of each arm, in the order of declaration."""
        return self._configs

    @property
    def subject(self) -> str:
        """What a registration is about: each data set is registered by itself."""
        return self.dataset

    def declared(self) -> Block:
        """The arms as they are declared, by name; those of the data set and a person's own."""
        return merged(dict(self.dataset_config.arms), self.arms)

    def all_hypotheses(self) -> Hypotheses:
        """The hypotheses as they are declared; a study may add those that follow from its settings.

        What is returned takes the place of `hypotheses`, and is gathered again when the declaration
        is validated again.
        """
        return self.hypotheses

    def control(self, preferred: str) -> str:
        """The arm that tables compare with: the preferred one where it was not removed."""
        return preferred if preferred in self.configs else next(iter(self.configs))

    @property
    def not_applicable(self) -> Mapping[str, str]:
        """Hypotheses that cannot be judged in this run, and why.

        Those that the data set excludes, and those about an arm that is declared somewhere but is
        not among this run's: removed by null, or of another data set.
        """
        why = f"Not asked of {self.dataset}"
        found = {
            name: f"{why}: {cause}." for name, cause in self.dataset_config.not_applicable.items()
        }
        present = {name for name, block in self.declared().items() if block is not None}
        known = {*self.arms, *(arm for brought in self.datasets.values() for arm in brought.arms)}
        for name, claim in self.hypotheses.hypotheses.items():
            lacking = sorted((known - present).intersection(claim.arm_names().values()))
            if lacking:
                found.setdefault(name, f"The arm {lacking[0]} is not among this run's arms.")
        return found

    @property
    def applicable(self) -> Hypotheses:
        """The hypotheses that apply."""
        skipped = self.not_applicable
        left = {
            name: hypothesis
            for name, hypothesis in self.hypotheses.hypotheses.items()
            if name not in skipped
        }
        return self.hypotheses.model_copy(update={"hypotheses": left})

    @property
    def metric_table(self) -> dict[str, Metric]:
        """The study's metrics and the times that every study has, by name."""
        return {metric.name: metric for metric in (*self.metrics, *TIMES)}

    def transform_data(self, prepared: Prepared, folder: Path) -> Prepared:
        """The data that the arms are trained on; a study may change what the source gives.

        Args:
            prepared: as the source gives it.
            folder: of the source's raw files, where what takes long to compute may be kept.
        """
        return prepared

    def table(self, comparison: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame | None:
        """A table of the study's own for terminal and report; most studies have none.

        Args:
            comparison: from `comparison_table`.
            verdicts: one row per hypothesis.
        """
        return None

    def resolved(self) -> dict[str, Any]:
        """The study as it will run, for the record: what was not chosen is left out."""
        first = next(iter(self.configs.values())).model_dump(mode="json")
        arms = {
            name: differences(config.model_dump(mode="json"), first)
            for name, config in self.configs.items()
        }
        return {
            "dataset": self.dataset,
            "source": self.dataset_config.source,
            "seeds": self.seeds.model_dump(mode="json", exclude_none=True),
            **first,
            "arms": {name: block or "as above" for name, block in arms.items()},
            "champion": self.champion.model_dump(),
        }


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the leaves of `over` put in, neither changed."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result


def differences(block: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of `block` that `base` has otherwise, as a nested block."""
    found: dict[str, Any] = {}
    for key, value in block.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            if inner := differences(value, base[key]):
                found[key] = inner
        elif key not in base or base[key] != value:
            found[key] = value
    return found
