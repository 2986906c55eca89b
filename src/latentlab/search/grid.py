"""All configurations of a grid, where some parameters exist only under conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from latentlab.search.parameters import FloatParameter, Scalar
from latentlab.search.space import Space


def configurations(space: Space) -> Iterator[dict[str, Scalar]]:
    """Yield all configurations of a grid, each once.

    A parameter is crossed with others only where it exists, so that nothing is run twice and
    nothing is made that would be dropped. The order is that of nested loops over `space.order`,
    the last parameter running fastest.

    Yields:
        The values of the parameters that exist; without what is fixed.

    Raises:
        ValueError: a parameter has infinitely many values.
    """
    _check(space)
    yield from _branches(space, space.order, dict(space.fixed))


def count(space: Space) -> int:
    """Return how many configurations a grid has, without making them.

    Only the parameters that others depend on are gone through; the rest are multiplied.

    Raises:
        ValueError: a parameter has infinitely many values.
    """
    _check(space)
    deciding = {name for parameter in space.parameters.values() for name in parameter.when}
    return _count(space, space.order, deciding, dict(space.fixed))


def _check(space: Space) -> None:
    for name, parameter in space.parameters.items():
        if isinstance(parameter, FloatParameter) and parameter.step is None:
            raise ValueError(
                f"{name} has infinitely many values; give it a step or choices, or use another "
                "method than grid"
            )


def _branches(
    space: Space, left: Sequence[str], known: dict[str, Any]
) -> Iterator[dict[str, Scalar]]:
    """Yield the configurations that agree with what is known, of the parameters that are left."""
    if not left:
        yield {name: value for name, value in known.items() if name in space.parameters}
        return
    name, rest = left[0], left[1:]
    parameter = space.parameters[name]
    if not parameter.met(known):
        yield from _branches(space, rest, known)
        return
    for value in parameter.grid() or ():
        yield from _branches(space, rest, {**known, name: value})


def _count(space: Space, left: Sequence[str], deciding: set[str], known: dict[str, Any]) -> int:
    product = 1
    for depth, name in enumerate(left):
        parameter = space.parameters[name]
        if not parameter.met(known):
            continue
        if name in deciding:
            rest = left[depth + 1 :]
            return product * sum(
                _count(space, rest, deciding, {**known, name: value})
                for value in parameter.grid() or ()
            )
        product *= parameter.size() or 0
    return product
