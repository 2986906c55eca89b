"""A conditional grid against the full product with what does not exist dropped."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.sweep_tables import PRUNING
from latentlab.search.grid import configurations, count
from latentlab.search.parameters import FloatParameter
from latentlab.search.proposals import distribution_of
from latentlab.search.space import Space

UNITS = st.sampled_from([1, 10, 100])


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Up to five parameters, each perhaps under conditions on earlier ones, in any order."""
    names = [f"p{k}" for k in range(draw(st.integers(1, 5)))]
    parameters: dict[str, Any] = {}
    values: dict[str, list[Any]] = {"f": ["on"]}
    for place, name in enumerate(names):
        if draw(st.booleans()):
            low = draw(st.integers(-1, 1))
            high, step = low + draw(st.integers(1, 3)), draw(st.integers(1, 2))
            parameters[name] = {"type": "int", "low": low, "high": high, "step": step}
            values[name] = list(range(low, high + 1, step))
        else:
            pool = st.sampled_from(["a", "b", True, False, 0.5, None])
            chosen = draw(st.lists(pool, min_size=1, max_size=3, unique_by=repr))
            parameters[name] = {"type": "categorical", "choices": chosen}
            values[name] = chosen
        when = {}
        for other in draw(st.lists(st.sampled_from(["f", *names[:place]]), max_size=2)):
            some = st.lists(st.sampled_from(values[other]), min_size=1, max_size=2, unique=True)
            when[other] = ["off"] if other == "f" and draw(st.booleans()) else draw(some)
        parameters[name]["when"] = when
    order = draw(st.permutations(names))
    return Space.model_validate(
        {"fixed": {"f": "on"}, "parameters": {name: parameters[name] for name in order}}
    )


def brute_force(space: Space) -> set[frozenset[Any]]:
    """The full product, without the parameters whose conditions fail, each once."""
    names = list(space.parameters)
    found = set()
    for cell in itertools.product(*(space.parameters[name].grid() or () for name in names)):
        values: dict[str, Any] = {**space.fixed, **dict(zip(names, cell, strict=True))}
        # Dropped until nothing changes: what depends on a dropped one goes too.
        before = -1
        while before != len(values):
            before = len(values)
            values = {
                name: value
                for name, value in values.items()
                if name in space.fixed or space.parameters[name].met(values)
            }
        found.add(frozenset((n, repr(v)) for n, v in values.items() if n in space.parameters))
    return found


@given(spaces())
@settings(max_examples=80, deadline=None)
def test_all_cells_that_exist_and_each_once(space: Space) -> None:
    cells = list(configurations(space))
    keys = [frozenset((name, repr(value)) for name, value in cell.items()) for cell in cells]
    assert len(keys) == len(set(keys))
    assert set(keys) == brute_force(space)
    assert count(space) == len(cells)


@given(spaces())
@settings(max_examples=30, deadline=None)
def test_the_order_is_stable(space: Space) -> None:
    again = Space.model_validate_json(space.model_dump_json())
    assert list(configurations(space)) == list(configurations(again))


def test_strategies_are_not_crossed_with_each_other() -> None:
    space = Space.model_validate(PRUNING)
    cells = list(configurations(space))
    assert count(space) == len(cells) == (6 + 30) * 2
    assert len(cells) * 3 == 216
    free = {name: {**p, "when": {}} for name, p in PRUNING["parameters"].items()}
    assert 3 * count(Space.model_validate({"parameters": free})) == 2160
    assert cells[0] == {"pruning": "plummet", "threshold": 0.005, "spectral": False}


def test_an_immense_grid_is_counted_without_being_made() -> None:
    wide = {f"p{k}": {"type": "int", "low": 1, "high": 10**6} for k in range(12)}
    space = Space.model_validate({"parameters": wide})
    assert count(space) == 10**72
    first = next(configurations(Space.model_validate(PRUNING)))
    assert first["pruning"] == "plummet"


def test_a_range_without_a_step_has_no_grid() -> None:
    space = Space.model_validate({"parameters": {"lr": {"type": "float", "low": 0.1, "high": 1.0}}})
    with pytest.raises(ValueError, match="lr has infinitely many values; give it a step"):
        next(configurations(space))
    with pytest.raises(ValueError, match="lr has infinitely many values"):
        count(space)


@given(low=st.integers(-20, 20), step=st.integers(1, 30), count=st.integers(1, 12), unit=UNITS)
def test_every_value_of_a_range_in_steps_lies_in_it(
    low: int, step: int, count: int, unit: int
) -> None:
    """Three times .1 is more than .3: Optuna, which stores the values, takes none above the end."""
    values = {"low": low / unit, "high": (low + count * step) / unit, "step": step / unit}
    parameter = FloatParameter.model_validate({"type": "float", **values})
    grid, distribution = parameter.grid(), distribution_of(parameter)
    assert grid is not None
    assert len(grid) == parameter.size() == count + 1
    assert all(distribution._contains(value) for value in grid)
    assert grid[-1] == pytest.approx(parameter.high)
