"""The block in `conf/` of a study whose trials are programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self, cast

from pydantic import ConfigDict, Field, model_validator

from latentlab.core.validation import Mistake, Path, nearest
from latentlab.experiment.blocks import leaves
from latentlab.experiment.declaration import Block, Conditions, DatasetDefaults, Declaration
from latentlab.experiment.programs.command import (
    macro_mistakes,
    setting_mistakes,
    settings_named,
    takes_all,
    takes_seed,
)
from latentlab.experiment.programs.settings import DeclaredMetric, ProgramSettings
from latentlab.metrics.metric import Metric
from latentlab.metrics.timing import SHARE
from latentlab.training.config import TrialConfig

_EPOCHS = ("epochs", "num_epochs", "max_epochs")
"""What programs call how long they train."""
PROBLEM = "program"
"""What the one problem of a study is called that declares no `datasets`."""


class ProgramConfig(TrialConfig):
    """Settings of one arm: whatever the program takes, flat or in blocks."""

    model_config = ConfigDict(extra="allow")

    training: Any = Field(default_factory=dict, exclude_if=lambda block: not block)

    def settings(self) -> dict[str, Any]:
        """Return all settings by dotted key."""
        return dict(leaves(self.model_dump(mode="json")))

    def warmup_end_epoch(self) -> float:
        """Return 0: of a program's schedules nothing is known."""
        return 0.0


class ProgramDeclaration(Declaration):
    """A study's block: a program, its metrics, and arms that differ in its settings.

    `settings` has what all arms share and that stands in none of the blocks `model`, `objective`
    and `training`. `datasets` may name several problems, for `{dataset}`.
    """

    config_class = ProgramConfig
    conditions: ClassVar[Conditions] = {}
    shared_by_arms: ClassVar[str] = "were given the same seed"

    question: str = Field("", description="what the study asks, one sentence")
    program: ProgramSettings
    metrics: dict[str, DeclaredMetric] = Field(min_length=1, description="scores, by name")
    settings: Block = Field({}, description="settings that all arms share")
    dataset: str = PROBLEM
    datasets: Mapping[str, DatasetDefaults] = {PROBLEM: DatasetDefaults()}

    @model_validator(mode="before")
    @classmethod
    def _first_metric_leads(cls, content: Any) -> Any:
        """A search looks at the first metric that has a better direction, unless it is told to."""
        if not isinstance(content, dict) or "champion" in content:
            return content
        metrics = content.get("metrics")
        given = metrics if isinstance(metrics, dict) else {}
        led = [
            n
            for n, one in given.items()
            if not isinstance(one, dict) or one.get("better") != "none"
        ]
        return {**content, "champion": {"metric": (led or [""])[0]}}

    @property
    def metric_table(self) -> dict[str, Metric]:
        """The declared metrics, and the time that a program took."""
        own = {name: declared.metric(name) for name, declared in self.metrics.items()}
        return own | {SHARE.name: SHARE}

    def takes(self, name: str) -> bool:
        """Say whether the program takes a setting of this name."""
        return takes_all(self.program) or name in settings_named(self.program)

    def with_command(self, command: tuple[str, ...], nested: tuple[str, ...]) -> Self:
        """Return the declaration with another command, by which a sweep runs its programs."""
        program = self.program.model_copy(update={"command": command, "nested": nested})
        return self.model_copy(update={"program": program})

    def epochs_of(self, config: TrialConfig) -> int | None:
        """Return how many epochs a configuration trains; None where no setting says it."""
        values = cast("ProgramConfig", config).settings()
        called = (name for name in values if name.rpartition(".")[2] in _EPOCHS)
        value = values.get(self.program.epochs or next(called, ""))
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def resolved(self) -> dict[str, Any]:
        """The study as it will run, for the record: with its program."""
        return {"program": self.program.model_dump(mode="json"), **super().resolved()}

    def _problems(self) -> list[str]:
        return list(self.datasets)

    def _own(self) -> Block:
        return {**self.settings, **super()._own()}

    def _content(self, block: Block) -> Block:
        # A block that a program does not have is no setting of it.
        return {name: value for name, value in super()._content(block).items() if value != {}}

    def _origin(self, arm: str, block: Block, path: Path) -> Path:
        shared = path and path[0] in self.settings and path[0] not in block
        return ("settings", *path) if shared else super()._origin(arm, block, path)

    def _source_mistakes(self) -> Iterator[Mistake]:
        """There is no source: the inputs are the data."""
        yield from macro_mistakes(self.program)
        brought = self.dataset_config.source
        if brought:
            what = "a program reads its data itself"
            yield Mistake(("datasets", self.dataset, "source"), what, "Name them in program.inputs")
        named = settings_named(self.program)
        shared = dict(leaves(self._own())).values()
        if len(self.seeds.numbers()) > 1 and not takes_seed(self.program, shared):
            yield Mistake(
                ("program", "command"),
                "nothing takes {seed}, so that all seeds would be one run",
                'Add such as "--seed={seed}", or set seeds.count to 1',
            )
        if self.program.epochs and not self.takes(self.program.epochs):
            what = f"there is no setting {self.program.epochs!r}"
            yield Mistake(("program", "epochs"), what, nearest(self.program.epochs, named))

    def _arm_mistakes(self, arm: str, block: Block, config: TrialConfig) -> Iterator[Mistake]:
        values = cast("ProgramConfig", config).settings()
        for name, what, remedy in setting_mistakes(self.program, values):
            path = tuple(name.split(".")) if name else ()
            origin = self._origin(arm, block, path) if path else ("arms", arm)
            yield Mistake(origin, what, remedy)
