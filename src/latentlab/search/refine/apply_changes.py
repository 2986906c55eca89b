"""A new space from an old one: conditions follow what is fixed, pruned and narrowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentlab.search.parameters import (
    CategoricalParameter,
    IntParameter,
    Parameter,
    Scalar,
    same,
)
from latentlab.search.refine.decisions import Fixed
from latentlab.search.space import Space


def apply_changes(
    space: Space, changes: Mapping[str, Parameter | Fixed]
) -> tuple[Space, dict[str, str]]:
    """The space with changes.

    A condition that always holds is dropped; a parameter whose condition can no longer hold is
    dropped with it.

    Args:
        space: the old one.
        changes: new ranges, choices or values by parameter.

    Returns:
        The new space, and by dropped parameter why it can no longer exist.
    """
    fixed: dict[str, Any] = dict(space.fixed)
    searched: dict[str, Parameter] = {}
    dropped: dict[str, str] = {}
    for name in space.order:
        change = changes.get(name, space.parameters[name])
        when: dict[str, Scalar | list[Scalar]] = {}
        for other, wanted in space.parameters[name].when.items():
            allowed = wanted if isinstance(wanted, list) else [wanted]
            left = _left(other, allowed, fixed, searched)
            if not left:
                dropped[name] = f"{other} is never {' or '.join(str(one) for one in allowed)}"
                break
            if other in searched:
                when[other] = left if isinstance(wanted, list) and len(left) > 1 else left[0]
        if name in dropped:
            continue
        if isinstance(change, Fixed) and when:
            # A value that exists under a condition only cannot be fixed: it stays a single choice.
            change = CategoricalParameter(type="categorical", choices=(change.value,))
        if isinstance(change, Fixed):
            fixed[name] = change.value
        else:
            searched[name] = change.model_copy(update={"when": when})
    order = [name for name in space.parameters if name in searched]
    return Space(fixed=fixed, parameters={name: searched[name] for name in order}), dropped


def _left(
    other: str, allowed: list[Scalar], fixed: Mapping[str, Any], searched: Mapping[str, Parameter]
) -> list[Scalar]:
    """Which of the wanted values a controlling parameter can still have."""
    if other in fixed:
        return allowed if any(same(fixed[other], one) for one in allowed) else []
    if other not in searched:
        return []
    controller = searched[other]
    assert isinstance(controller, CategoricalParameter | IntParameter)
    return [one for one in allowed if controller.takes(one)]
