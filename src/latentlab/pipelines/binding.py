"""Binds a study to a node function so that Kedro still sees what the parameters must be."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

from latentlab.experiment.study import Study


def bound(function: Callable[..., Any], study: Study) -> Callable[..., Any]:
    """A node function without its first argument, the study.

    Kedro validates `params:` inputs against the annotations of the node's function. The argument
    `declaration` is annotated with the study's own declaration here, so that a wrong key is found
    before anything runs.
    """
    hints = get_type_hints(function)
    signature = inspect.signature(function)
    parameters = [p for name, p in signature.parameters.items() if name != "study"]

    @functools.wraps(function)
    def node_function(*inputs: Any) -> Any:
        return function(study, *inputs)

    del node_function.__wrapped__
    del hints["study"]
    if "declaration" in hints:
        hints["declaration"] = study.declaration
    node_function.__annotations__ = hints
    # Where `inspect` looks for it; the type of functions does not declare the attribute.
    vars(node_function)["__signature__"] = signature.replace(parameters=parameters)
    return node_function
