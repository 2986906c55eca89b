"""Which numbers of a config may differ between the trials of one cohort.

A config marks such a field: `beta: Annotated[float, PerTrial()]`. Its value then reaches the loss
as a tensor with one number per trial: of a switch 0 or 1, of a `Literal` the place of the choice.
Every other field decides a shape or the graph, so trials that differ in one belong to different
cohorts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel


@dataclass(frozen=True)
class PerTrial:
    """Marks a number that may differ between the trials of one cohort.

    Args:
        switch: zero leaves the term out of the graph, so that an arm without the term does not
            pay for it; trials with and without it then train in different cohorts.
    """

    switch: bool = False


def _fields(
    config: BaseModel, prefix: str = ""
) -> Iterator[tuple[str, Any, PerTrial | None, tuple[Any, ...]]]:
    """Yield dotted name, value, mark and (of a `Literal`) choices of each leaf, depth first."""
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            yield from _fields(value, f"{prefix}{name}.")
        else:
            marks = [mark for mark in field.metadata if isinstance(mark, PerTrial)]
            choices = get_args(field.annotation)
            yield f"{prefix}{name}", value, marks[0] if marks else None, choices


def per_trial_values(config: BaseModel) -> dict[str, float]:
    """Return the marked numbers of a config by dotted name, such as `objective.beta`."""
    return {
        name: float(choices.index(value) if isinstance(value, str) else value)
        for name, value, mark, choices in _fields(config)
        if mark is not None
    }


def graph_signature(config: BaseModel) -> str:
    """Return a digest that two configs share exactly when their trials can train in one cohort."""
    decisive = {
        name: value if mark is None else bool(value)
        for name, value, mark, _ in _fields(config)
        if mark is None or mark.switch
    }
    return hashlib.sha256(canonical_json(decisive).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces: one text for one value, to be hashed.

    Pydantic models stand for their JSON form.
    """

    def plain(item: Any) -> Any:
        if isinstance(item, BaseModel):
            return item.model_dump(mode="json")
        raise TypeError(f"{type(item).__name__} has no canonical form")

    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=plain, allow_nan=False)
