"""The resolved declaration of a sweep, as it goes from the stage that reads its file to the others.

A stage that runs alone takes the stored plan: the file may have changed since the sweep began.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentlab.core.errors import UserError
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.experiment.sweep.file import Sweep, called_by
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
        plans: of all sweeps of the study that were ever run, by name.

    Raises:
        UserError: it has never been run.
    """
    name = declaration.sweep
    if name not in plans:
        raise UserError(
            f"The sweep {name} of {study.name} has not been run",
            f"Run {study.name}_sweep with --params {study.name}.sweep={name} first. "
            f"Those that have been run: {', '.join(sorted(plans)) or 'none'}.",
        )
    plan = plans[name]
    settings = SweepSettings.model_validate(plan["settings"])
    return Sweep(
        study,
        called_by(declaration, settings),
        name,
        settings,
        tuple(Objective(**objective) for objective in plan["objectives"]),
        tuple(plan["warnings"]),
    )
