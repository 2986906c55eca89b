"""A trial: one configuration trained once from one seed, named by what decides its outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from latentlab.training.config import TrialConfig
from latentlab.training.per_trial import canonical_json, graph_signature
from latentlab.training.streams import stream_key

TRAINER_VERSION = 4
"""Raised when a change of the trainer changes the weights that a trial ends with."""

_ARMS_NAMED = 2
"""Arms of a group that a line names."""


@dataclass(frozen=True)
class Trial:
    """One configuration and one seed.

    Attributes:
        study: name of the study.
        arm: name of the configuration; a label, no part of the identity.
        seed: blocking factor, shared by the trials that are compared.
        config: resolved configuration.
        data: fingerprint of the prepared data.
        precision: arithmetic of the training steps.
        method_version: version of the study's formulas.
    """

    study: str
    arm: str
    seed: int
    config: TrialConfig
    data: str
    precision: str
    method_version: int

    @cached_property
    def id(self) -> str:
        """Sixteen hex digits of a hash of everything that decides the outcome."""
        identity = {
            "study": self.study,
            "config": self.config,
            "data": self.data,
            "seed": self.seed,
            "precision": self.precision,
            "method_version": self.method_version,
            "trainer_version": TRAINER_VERSION,
        }
        return hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:16]

    @cached_property
    def stream(self) -> int:
        """Key of the random streams: arms of one seed share it."""
        return stream_key(self.study, self.seed, self.data)

    @cached_property
    def signature(self) -> str:
        """Trials with one signature can train in one cohort."""
        return graph_signature(self.config)


def group_text(trials: Sequence[Trial]) -> str:
    """Name trials by their arms ("12 trials of standard_vae, beta_vae_0.1, .. (4 arms)")."""
    arms = list(dict.fromkeys(trial.arm for trial in trials))
    more = f", .. ({len(arms)} arms)" if len(arms) > _ARMS_NAMED else ""
    return f"{len(trials)} trials of {', '.join(arms[:_ARMS_NAMED])}{more}"
