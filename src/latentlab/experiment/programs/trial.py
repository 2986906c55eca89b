"""A trial of a program: named by its resolved command, its code and inputs, and its seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from latentlab.experiment.programs.command import Call, call_of
from latentlab.experiment.programs.declaration import ProgramConfig
from latentlab.experiment.programs.settings import ProgramSettings
from latentlab.training.per_trial import canonical_json
from latentlab.training.trial import Trial

PROGRAM_VERSION = 1
"""Raised when a program would be run otherwise, so that its scores may change."""


@dataclass(frozen=True)
class ProgramTrial(Trial):
    """One call of a program with one seed.

    Attributes:
        config: the arm's settings.
        data: fingerprint of code and inputs.
        program: as it is declared.
        dataset: name of the problem.
    """

    config: ProgramConfig
    program: ProgramSettings
    dataset: str

    @cached_property
    def call(self) -> Call:
        """What is run, but for the folder and the device."""
        return call_of(self.program, self.config.settings(), self.seed, self.dataset)

    @cached_property
    def id(self) -> str:
        """Sixteen hex digits of a hash of everything that decides the outcome."""
        identity = {
            "study": self.study,
            "command": self.call.command,
            "environment": self.call.environment,
            "arguments": self.call.arguments if self.call.reads_file else None,
            "data": self.data,
            "seed": self.seed,
            "program_version": self.method_version,
        }
        return hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:16]
