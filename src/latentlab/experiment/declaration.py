"""A study as it is declared in `conf/`: data, arms, seeds and hypotheses.

Precedence, lowest first: defaults of the study's config class, the block of the chosen data set
under `datasets`, the study's own `model`, `objective` and `training`, and the arm. An environment
or `--params` that sets `training.epochs` therefore wins over what the data set brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from latentlab.core.errors import UserError
from latentlab.core.validation import Mistake, Path, all_of, mistakes, nearest, validate
from latentlab.data import SOURCES
from latentlab.evidence.checks import misfits
from latentlab.evidence.hypotheses import Hypotheses
from latentlab.experiment.blocks import differences, merged, stands
from latentlab.metrics.metric import Metric
from latentlab.metrics.timing import TIMES
from latentlab.search.parameter_alias import ParameterAlias
from latentlab.search.parameters import Scalar
from latentlab.training.config import Seeds, TrialConfig, completed_by

if TYPE_CHECKING:
    import pathlib

    import pandas as pd

    from latentlab.data import Prepared

Block = dict[str, Any]

Conditions = Mapping[str, Mapping[str, tuple[Scalar, ...]]]
"""Settings, or blocks of them, by dotted key, and the values of others under which they are read.

Under other values they change nothing.
"""

TRAINING_CONDITIONS: Conditions = {
    "training.momentum": {"training.optimiser": ("sgd",)},
    "training.final_factor": {"training.schedule": ("linear", "cosine")},
    "training.step_epochs": {"training.schedule": ("step",)},
    "training.reduction": {"training.schedule": ("step", "plateau")},
    "training.plateau_patience": {"training.schedule": ("plateau",)},
}

STUDY_SEEDS = Seeds(first=0, count=10)
"""The seeds of a study that does not name its own."""


class DatasetDefaults(BaseModel):
    """What a data set brings of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Block = Field({}, description="settings of the source")
    model: Block = Field({}, description="settings of the model, for all arms")
    objective: Block = Field({}, description="settings of the loss, for all arms")
    training: Block = Field({}, description="settings of the optimisation, for all arms")
    arms: dict[str, Block | None] = Field({}, description="arms, by name, as differences")
    not_applicable: dict[str, str] = Field(
        {}, description="hypotheses that cannot be judged on this data set, and why"
    )


class ChampionRule(BaseModel):
    """How the one model is chosen that is registered: by validation, never by test.

    The arm with the best mean over seeds wins, and of its trials the best.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str = Field(description="a metric that has a better direction")
    split: Literal["validation"] = "validation"


class Declaration(BaseModel):
    """A study's block in the parameters. Studies subclass it to name their config and metrics.

    `own_metrics` are those that the study itself measures; every study has times beside them.

    `baselines` names arms that are not trained: methods to compare with, which the study's module
    `baselines` fits and scores. `table_title` and `table_caption` head and explain the study's own
    table, where it has one. `parameter_aliases` says what short names of parameters, in search
    spaces and tables from elsewhere, mean in the study's configuration, `metric_aliases` the same
    of metrics; `conditions` says which settings are read only under others; `rung_score` is the
    epoch score by which a search stops configurations early, one that means the same in all of
    them. `shared_by_arms` says what the arms of one seed have in common.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    config_class: ClassVar[type[TrialConfig]]
    own_metrics: ClassVar[tuple[Metric, ...]]
    baselines: ClassVar[tuple[str, ...]] = ()
    table_title: ClassVar[str] = "The report's table"
    table_caption: ClassVar[str] = ""
    parameter_aliases: ClassVar[Mapping[str, ParameterAlias]] = {}
    metric_aliases: ClassVar[Mapping[str, str]] = {}
    conditions: ClassVar[Conditions] = TRAINING_CONDITIONS
    rung_score: ClassVar[str] = "validation_total"
    shared_by_arms: ClassVar[str] = (
        "share split and data order and, where their shapes agree, initial weights and noise"
    )

    dataset: str = Field(description="which of `datasets` this run is on")
    datasets: Mapping[str, DatasetDefaults] = Field(
        description="data sets, and what each brings of settings and arms"
    )
    seeds: Annotated[Seeds, completed_by(STUDY_SEEDS)] = Field(
        STUDY_SEEDS, description="the seeds of every arm"
    )
    model: Block = Field({}, description="your settings of the model, over those of the data set")
    objective: Block = Field({}, description="your settings of the loss, over those")
    training: Block = Field({}, description="your settings of the optimisation, over those")
    arms: dict[str, Block | None] = Field({}, description="further arms; null removes one")
    champion: ChampionRule = Field(description="how the model is chosen that is registered")
    sweep: str = Field("default", description="the file of the sweep, for the pipeline `.._sweep`")
    hypotheses: Hypotheses = Field(description="the claims, declared before the data")
    amendment: str = Field("", description="why what is registered changes; registers it anew")

    _configs: dict[str, TrialConfig] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _everything_resolves(self) -> Self:
        known = self._problems()
        unknown = [
            Mistake(("datasets", name), "there is no such data set", nearest(name, known))
            for name in self.datasets
            if name not in known
        ]
        if self.dataset not in self.datasets:
            what = f"'{self.dataset}' is not declared"
            unknown.append(Mistake(("dataset",), what, nearest(self.dataset, [*self.datasets])))
        if unknown:
            raise all_of(unknown)
        # One mistake in what all arms share is found with each of them.
        if found := list(dict.fromkeys(self._mistakes())):
            raise all_of(found)
        return self

    def _mistakes(self) -> Iterator[Mistake]:
        """Resolve the arms; yield what is wrong with them, the data and the hypotheses."""
        try:
            # Written past the frozen model once, here, where it comes into being.
            object.__setattr__(self, "hypotheses", self.all_hypotheses())
            arms = {name: block for name, block in self.declared().items() if block is not None}
        except UserError as error:
            yield Mistake((), error.what, error.remedy)
            return
        if not arms:
            yield Mistake(("arms",), "there are none", "Declare at least one")
        yield from self._source_mistakes()
        for name, block in arms.items():
            content = self._content(block)
            try:
                self._configs[name] = self.config_class.model_validate(content)
            except ValidationError as error:
                for mistake in mistakes(error, self.config_class, content):
                    yield replace(mistake, path=self._origin(name, block, mistake.path))
            else:
                yield from self._arm_mistakes(name, block, self._configs[name])
            if name in self.baselines:
                yield Mistake(("arms", name), "a baseline has this name", "Choose another")
        names = [*arms, *self.baselines]
        seeds = self.seeds.numbers()
        for misfit in misfits(self.applicable, names, self.metric_table, seeds):
            yield Mistake((), misfit.what, misfit.remedy)
        measured = sorted(n for n, metric in self.metric_table.items() if metric.better != "none")
        if self.champion.metric not in measured:
            what = f"'{self.champion.metric}' has no better direction or does not exist"
            yield Mistake(("champion", "metric"), what, f"Use one of {', '.join(measured)}")

    def _problems(self) -> list[str]:
        """Names of the data sets that there are."""
        return sorted(SOURCES)

    def _source_mistakes(self) -> Iterator[Mistake]:
        """Yield what is wrong with what the arms are trained on."""
        try:
            SOURCES[self.dataset].validate(self.dataset_config.source)
        except UserError as error:
            yield Mistake(("datasets", self.dataset, "source"), error.what, error.remedy)

    def _arm_mistakes(self, arm: str, block: Block, config: TrialConfig) -> Iterator[Mistake]:
        """Yield what is wrong with an arm whose configuration is valid; studies add their own."""
        yield from ()

    def _own(self) -> Block:
        return {"model": self.model, "objective": self.objective, "training": self.training}

    def _content(self, block: Block) -> Block:
        """Return all settings of an arm, by precedence; a configuration may lack a whole part."""
        brought = self.dataset_config.model_dump(include={"model", "objective", "training"})
        shared = merged(brought, self._own())
        lacking = set(shared) - set(self.config_class.model_fields)
        content = merged(shared, block)
        return {part: of_it for part, of_it in content.items() if of_it or part not in lacking}

    def _origin(self, arm: str, block: Block, path: Path) -> Path:
        """Return where a setting of an arm stands in the study's block."""
        dataset: Path = ("datasets", self.dataset)
        brings_it = arm not in self.arms and arm in self.dataset_config.arms
        of_arm: Path = (*dataset, "arms", arm) if brings_it else ("arms", arm)
        if not stands(block, path):
            if stands(self._own(), path):
                return path
            if stands(self.dataset_config.model_dump(), path):
                return (*dataset, *path)
        return (*of_arm, *path)

    def _resolve(self, arm: str, block: Block) -> TrialConfig:
        return validate(self.config_class, self._content(block), f"arm {arm}")

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
        return {metric.name: metric for metric in (*self.own_metrics, *TIMES)}

    def takes(self, name: str) -> bool:
        """Say whether there may be a setting of this name that no arm has."""
        return False

    def epochs_of(self, config: TrialConfig) -> int | None:
        """Return how many epochs a configuration trains; None where nothing says it."""
        return config.training.epochs

    def transform_data(self, prepared: Prepared, folder: pathlib.Path) -> Prepared:
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
