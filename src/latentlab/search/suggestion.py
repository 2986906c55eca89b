"""A configuration of a sweep, from the moment it is suggested to its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from latentlab.runs.trial_state import TrialState
from latentlab.search.parameters import Scalar


@dataclass(frozen=True)
class Result:
    """What became of a configuration.

    Attributes:
        state: how it ended.
        objectives: one number per objective, means over seeds; empty unless it is complete.
        replicates: one row per seed: `seed`, `trial_id`, `state`, `epochs`, `seconds` and a number
            per objective where there is one.
        note: why it failed, or nothing.
    """

    state: TrialState
    objectives: tuple[float, ...] = ()
    replicates: tuple[Mapping[str, Any], ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Suggestion:
    """A configuration that a sampler suggested.

    Attributes:
        number: of the configuration, from 0.
        cohort: index of the cohort it was suggested in.
        values: of the parameters that exist in it; without what the space fixes.
        adaptive: whether the scores of earlier ones decided it.
        rungs: the score at each rung it reached, by epochs; turned like the objective.
        result: none while it is in work.
        elsewhere: whether another store has its trials, or will have them.
    """

    number: int
    cohort: int
    values: dict[str, Scalar]
    adaptive: bool
    rungs: Mapping[int, float] = field(default_factory=dict)
    result: Result | None = None
    elsewhere: bool = False

    @property
    def state(self) -> TrialState | Literal["running"]:
        """How it ended; `running` while it is in work."""
        return "running" if self.result is None else self.result.state
