"""The space of an Optuna study, from the distributions of its trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from latentlab.core.errors import UserError
from latentlab.runs.importers.optuna import choice_of
from latentlab.runs.run_table import RunTable
from latentlab.search.imported_sweeps.cells import cell_value
from latentlab.search.imported_sweeps.inferred_conditions import condition_notes, conditions_of
from latentlab.search.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    Parameter,
    Scalar,
    is_number,
)
from latentlab.search.space import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def distribution_space(runs: RunTable) -> tuple[Space, list[str]]:
    """Return the space of imported trials from their distributions.

    Optuna does not record conditions: they are inferred from where values are missing. Bounds that
    were changed between trials are taken at their widest. Choices that are all numbers have an
    order.

    Args:
        runs: with distributions.

    Returns:
        The space, and notes.

    Raises:
        UserError: a parameter changed its kind between trials, or none varies.
    """
    assert runs.distributions is not None
    parameters = runs.parameters
    searched: dict[str, Parameter] = {}
    fixed: dict[str, Scalar] = {}
    notes: list[str] = []
    for key in parameters.columns:
        kinds = _distinct([one[key] for one in runs.distributions if key in one])
        if len({type(kind) for kind in kinds}) > 1:
            raise UserError(
                f"study {runs.name}: {key} changed its kind between trials",
                "Give the trials as CSV instead",
            )
        if any(not kind.single() for kind in kinds) or len(kinds) > 1:
            searched[key] = _parameter(kinds)
            if len(kinds) > 1:
                notes.append(f"{key}: its bounds changed between trials; the widest are taken")
        elif parameters[key].notna().all():
            fixed[key] = cell_value(parameters[key].iloc[0])
        else:
            notes.append(f"{key}: one value wherever it exists; it is left out")
    if not searched:
        raise UserError(f"study {runs.name}: no parameter varies", "Give a study in which one does")
    # A trial that failed may have asked for some of its parameters only.
    whole = np.isin(runs.states, ["complete", "pruned"])
    conditions, unexplained = conditions_of(
        parameters.loc[whole, list(searched)],
        [key for key, parameter in searched.items() if not isinstance(parameter, FloatParameter)],
    )
    for key, when in conditions.items():
        searched[key] = searched[key].model_copy(update={"when": when})
    notes += condition_notes(conditions, unexplained)
    return Space.model_validate({"fixed": fixed, "parameters": searched}), notes


def _distinct(distributions: Sequence[BaseDistribution]) -> list[BaseDistribution]:
    distinct: list[BaseDistribution] = []
    for distribution in distributions:
        if distribution not in distinct:
            distinct.append(distribution)
    return distinct


def _parameter(kinds: Sequence[Any]) -> Parameter:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(kinds[0], CategoricalDistribution):
        choices = list(
            dict.fromkeys(choice_of(choice) for kind in kinds for choice in kind.choices)
        )
        ordered = all(is_number(choice) for choice in choices)
        return CategoricalParameter(
            type="categorical",
            choices=tuple(sorted(choices) if ordered else choices),
            ordered=ordered,
        )
    steps = {kind.step for kind in kinds}
    block = {
        "low": min(kind.low for kind in kinds),
        "high": max(kind.high for kind in kinds),
        "log": kinds[0].log,
    }
    if isinstance(kinds[0], IntDistribution):
        step = steps.pop() if len(steps) == 1 else 1
        return IntParameter.model_validate({"type": "int", "step": step, **block})
    step = steps.pop() if len(steps) == 1 else None
    return FloatParameter.model_validate({"type": "float", "step": step, **block})
