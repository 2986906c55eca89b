"""Every whole number that a person may set has an upper bound: no setting hangs a run."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

import annotated_types
import pytest
from pydantic import BaseModel, ValidationError

from latentlab.compute.config import ComputeConfig
from latentlab.configuration.parameters import parameters_model
from latentlab.data import SOURCES
from latentlab.studies.registry import STUDIES
from latentlab.training.config import Seeds, TrainingConfig


def models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from models_of(inner)


def reachable(model: type[BaseModel], seen: set[type[BaseModel]]) -> None:
    if model not in seen:
        seen.add(model)
        for field in model.model_fields.values():
            for inner in models_of(field.annotation):
                reachable(inner, seen)


def whole_numbers(annotation: Any, metadata: list[Any]) -> Iterator[bool]:
    """For every `int` in a type, whether something bounds it from above."""
    if annotation is int:
        yield any(
            isinstance(one, annotated_types.Le | annotated_types.Lt)
            for one in [part for m in metadata for part in getattr(m, "metadata", [m])]
        )
    elif typing.get_origin(annotation) is typing.Annotated:
        inner, *own = typing.get_args(annotation)
        yield from whole_numbers(inner, [*metadata, *own])
    elif typing.get_origin(annotation) is not typing.Literal:
        # Keys of a mapping are names, and a list's own bounds are of its length.
        inners = typing.get_args(annotation)
        if typing.get_origin(annotation) is dict:
            inners = inners[1:]
        own = metadata if typing.get_origin(annotation) not in {list, tuple} else []
        for inner in inners:
            yield from whole_numbers(inner, own)


def unbounded() -> list[str]:
    seen: set[type[BaseModel]] = set()
    roots = [parameters_model(), *(s.declaration.config_class for s in STUDIES.values())]
    for model in [*roots, *(source.config for source in SOURCES.values())]:
        reachable(model, seen)
    return sorted(
        f"{model.__module__}.{model.__name__}.{name}"
        for model in seen
        for name, field in model.model_fields.items()
        if not all(whole_numbers(field.annotation, list(field.metadata)))
    )


def test_every_whole_number_has_an_upper_bound() -> None:
    assert unbounded() == []


@pytest.mark.parametrize(
    ("model", "content"),
    [
        (Seeds, {"first": 0, "count": 10**9}),
        (Seeds, {"first": 10**30, "count": 1}),
        (TrainingConfig, {"epochs": 10**12}),
        (ComputeConfig, {"workers": 100_000}),
        (ComputeConfig, {"threads": 100_000}),
    ],
)
def test_an_absurd_size_is_refused(model: type[BaseModel], content: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="less than or equal to"):
        model.model_validate(content)
