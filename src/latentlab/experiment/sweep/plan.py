"""The resolved declaration of a sweep, as it goes from the stage that reads its file to the others.

A stage that runs alone takes the stored plan: the file may have changed since the sweep began.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentlab.core.errors import UserError
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.experiment.sweep.file import Sweep
from latentlab.search.settings import SweepSettings
from latentlab.search.table import Objective

Plan = dict[str, Any]
"""A sweep in values that JSON knows."""


def plan_of(sweep: Sweep) -> Plan:
    """Return a sweep as it will run, in values that JSON knows."""
    return {
        "name": sweep.name,
        "settings": sweep.settings.model_dump(mode="json"),
        "objectives": [vars(objective) for objective in sweep.objectives],
        "warnings": list(sweep.warnings),
    }


def planned_sweep(study: Study, declaration: Declaration, plans: Mapping[str, Plan]) -> Sweep:
    """Return the sweep that `<study>.sweep` names, from its plan.

    Args:
        study: whose it is.
        declaration: names the sweep; its control arm is the default configuration.
        plans: of all sweeps of the study that were ever planned, by name.

    Raises:
        UserError: it was never planned.
    """
    name = declaration.sweep
    if name not in plans:
        raise UserError(
            f"There is no plan of a sweep {name} of {study.name}",
            f"Run the stage {study.name}_sweep.search first. "
            f"Those that are there: {', '.join(sorted(plans)) or 'none'}.",
        )
    plan = plans[name]
    return Sweep(
        study,
        declaration,
        name,
        SweepSettings.model_validate(plan["settings"]),
        tuple(Objective(**objective) for objective in plan["objectives"]),
        tuple(plan["warnings"]),
    )
