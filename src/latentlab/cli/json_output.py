"""`--json`: what a command found, for programs."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Mapping
from typing import Any

import click

as_json = click.option("--json", "in_json", is_flag=True, help="Print JSON, for programs.")


def told_apart() -> contextlib.AbstractContextManager[Any]:
    """Send what is told of a run to where errors go: the answer alone is the output."""
    return contextlib.redirect_stdout(sys.stderr)


def print_json(content: Any) -> None:
    """Print as JSON; a number that is none is null."""
    click.echo(json.dumps(_known(content), indent=2, ensure_ascii=False, allow_nan=False))


def _known(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {name: _known(one) for name, one in content.items()}
    if isinstance(content, list | tuple):
        return [_known(one) for one in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
