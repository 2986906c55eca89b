"""The space of an Optuna study, from the distributions of its trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.search.importers.columns import plain, word
from latentlab.search.importers.inferred_conditions import conditions_of, told
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
    from optuna.trial import FrozenTrial

NULL = "null"
"""The choice None as a word: in a table, None says that a parameter does not exist."""


def space_of(
    trials: Sequence[FrozenTrial], parameters: pd.DataFrame, name: str
) -> tuple[Space, list[str]]:
    """A space from distributions, with conditions inferred from where values are missing.

    Bounds that were changed between trials are taken at their widest. Choices that are all
    numbers have an order.

    Args:
        trials: all that have ended.
        parameters: their values, [trials, parameters], missing where a trial lacks one.
        name: of the study, for messages.

    Returns:
        The space, and notes.

    Raises:
        UserError: a parameter changed its kind between trials, or none varies.
    """
    found: dict[str, Parameter] = {}
    fixed: dict[str, Scalar] = {}
    notes: list[str] = []
    for key in parameters.columns:
        kinds = _distinct([t.distributions[key] for t in trials if key in t.distributions])
        if len({type(kind) for kind in kinds}) > 1:
            raise UserError(
                f"study {name}: {key} changed its kind between trials",
                "Give the trials as CSV instead",
            )
        if any(not kind.single() for kind in kinds) or len(kinds) > 1:
            found[key] = _parameter(kinds)
            if len(kinds) > 1:
                notes.append(f"{key}: its bounds changed between trials; the widest are taken")
        elif parameters[key].notna().all():
            fixed[key] = plain(parameters[key].iloc[0])
        else:
            notes.append(f"{key}: one value wherever it exists; it is left out")
    if not found:
        raise UserError(f"study {name}: no parameter varies", "Give a study in which one does")
    # A trial that failed may have asked for some of its parameters only.
    whole = [trial.state.name != "FAIL" for trial in trials]
    conditions, unexplained = conditions_of(
        parameters.loc[whole, list(found)],
        [key for key, parameter in found.items() if not isinstance(parameter, FloatParameter)],
    )
    for key, when in conditions.items():
        found[key] = found[key].model_copy(update={"when": when})
    notes += told(conditions, unexplained)
    return Space.model_validate({"fixed": fixed, "parameters": found}), notes


def choice_of(value: Any) -> Scalar:
    """A choice as a single value: None and what is no scalar as a word."""
    if value is None:
        return NULL
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return word(str(value))


def _distinct(distributions: Sequence[BaseDistribution]) -> list[BaseDistribution]:
    found: list[BaseDistribution] = []
    for one in distributions:
        if one not in found:
            found.append(one)
    return found


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
