"""Plans for the groups of a study, largest first, and what they will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latentlab.compute.config import ComputeConfig
from latentlab.compute.plan import ExecutionPlan, candidates
from latentlab.training.calibration import Calibration
from latentlab.training.contract import AnyMethod
from latentlab.training.estimate import WORTH_AN_ESTIMATE, Estimate
from latentlab.training.groups import choices_of
from latentlab.training.trial import Trial

FirstPlans = dict[type[AnyMethod], ExecutionPlan]
"""Plans of the largest groups of batched and of plain methods: what suits the one does not suit
the other."""


@dataclass(frozen=True)
class Choice:
    """The plan of a group, and its estimate where the training is long enough for one."""

    plan: ExecutionPlan
    estimate: Estimate | None


def choose_plans(
    calibration: Calibration,
    groups: Sequence[Sequence[Trial]],
    first: FirstPlans,
    one_plan: bool,
    forecast: bool = False,
) -> list[Choice]:
    """Choose the plan of each group.

    Args:
        calibration: measures.
        groups: trials of one signature each, the largest group first.
        first: is filled with the plans of the largest groups, unless they are there.
        one_plan: keep to the first plans, without measuring again or an estimate.
        forecast: estimate the shortest too, and as well as can be.
    """
    choices = []
    for group in groups:
        kind, steps = type(calibration.method_of(group[0])), calibration.steps(group[0])
        fallback = first.get(kind)
        if one_plan and fallback is not None:
            plan = fallback
        else:
            plan = calibration.choose(group, steps, fallback)
        first.setdefault(kind, plan)
        estimate = None
        if forecast or (not one_plan and len(group) * steps >= WORTH_AN_ESTIMATE):
            seconds = calibration.seconds(group, steps, plan, compiling=forecast)
            at_once = min(plan.cohort * plan.processes, len(group))
            estimate = Estimate(len(group), seconds, calibration.bytes_of(group[0]) * at_once)
        choices.append(Choice(plan, estimate))
    return choices


def only_plan(
    method: AnyMethod, group: Sequence[Trial], compute: ComputeConfig
) -> ExecutionPlan | None:
    """Return the plan where the settings leave no choice, as on a CPU."""
    own = choices_of(method.of(group[0].config), compute)
    plans = candidates(len(group), len(group), own, "cpu")
    return plans[0] if len(plans) == 1 else None
