"""Binds a study to a node function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from latentlab.experiment.study import Study


def bound(function: Callable[..., Any], study: Study) -> Callable[..., Any]:
    """Return a node function without its first argument, the study.

    Kedro checks a node's inputs against the function's signature and shows its name and text,
    which a `functools.partial` has not.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def node_function(*inputs: Any) -> Any:
        return function(study, *inputs)

    # Where `inspect` looks for it; the type of functions does not declare the attribute.
    vars(node_function)["__signature__"] = signature.replace(
        parameters=list(signature.parameters.values())[1:]
    )
    return node_function
