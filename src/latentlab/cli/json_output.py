"""`--json`: what a command found, for programs."""

from __future__ import annotations

import json
from typing import Any

import click

as_json = click.option("--json", "in_json", is_flag=True, help="Print JSON, for programs.")


def print_json(content: Any) -> None:
    """Print as JSON."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
