"""A study whose trials are programs, declared in `conf/` alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from latentlab.experiment.programs.declaration import ProgramDeclaration
from latentlab.experiment.study import Study

if TYPE_CHECKING:
    from latentlab.compute.config import ComputeConfig
    from latentlab.experiment.declaration import Declaration
    from latentlab.experiment.programs.trainer import ProgramTrainer
    from latentlab.training.store import TrialStore
    from latentlab.training.trial import Trial


@dataclass(frozen=True)
class ProgramStudy(Study):
    """A study that runs programs: what it measures they have written, and there are no models."""

    @property
    def runs_programs(self) -> bool:
        """Whether its trials are programs."""
        return True

    @property
    def versions(self) -> dict[str, int]:
        """Versions of what scores come from; the program's own is part of its fingerprint."""
        from latentlab.experiment.programs.trial import PROGRAM_VERSION

        return {"program": PROGRAM_VERSION}

    def trial(
        self, declaration: Declaration, arm: str, seed: int, config: Any, data: str, precision: str
    ) -> Trial:
        """Return one configuration with one seed."""
        from latentlab.experiment.programs.trial import PROGRAM_VERSION, ProgramTrial

        own = cast("ProgramDeclaration", declaration)
        return ProgramTrial(
            study=self.name,
            arm=arm,
            seed=seed,
            config=config,
            data=data,
            precision=precision,
            method_version=PROGRAM_VERSION,
            program=own.program,
            dataset=own.dataset,
        )

    def trainer(
        self,
        declaration: Declaration,
        prepared: Any,
        store: TrialStore,
        compute: ComputeConfig,
        one_plan: bool = False,
    ) -> ProgramTrainer:
        """Return what runs the programs; plans are not measured."""
        from latentlab.experiment.programs.trainer import ProgramTrainer

        own = cast("ProgramDeclaration", declaration)
        return ProgramTrainer(prepared, list(own.metrics), store, compute)


def program_study(name: str, with_history: bool) -> ProgramStudy:
    """Return the study of a block in `conf/`.

    Args:
        name: of the block.
        with_history: whether its programs write one, so that curves can be drawn.
    """
    return ProgramStudy(
        name=name,
        title=name.replace("_", " "),
        question="",
        declaration=ProgramDeclaration,
        # The first arm is the control.
        control="",
        curves=(),
        strips=(),
        package="",
        figures=("verdicts", "curves") if with_history else ("verdicts",),
    )
