"""A refined space as a sweep file that can be run, each line with its evidence."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import yaml

from latentlab.core.errors import UserError
from latentlab.runs.columns import NULL
from latentlab.search.refine.decisions import Decision
from latentlab.search.refine.refine import Refinement
from latentlab.search.settings import SweepSettings

_WIDTH = 100


def sweep_file(refinement: Refinement, settings: SweepSettings) -> str:
    """The text of the next sweep's file.

    Method, budget, seeds and objectives are those of the sweep that it comes from; only its
    sampler starts from another seed, so that it does not ask for the same configurations again.

    Args:
        refinement: the new space and its decisions.
        settings: of the sweep that it comes from.

    Returns:
        YAML in the layout of `SweepSettings`, a comment above each parameter.

    Raises:
        UserError: all parameters are fixed, so that nothing is left to search.
    """
    space = refinement.space
    if not space.parameters:
        raise UserError(
            f"the refinement of sweep {refinement.sweep} fixes every parameter",
            "Confirm the winner instead of searching on",
        )
    settings = SweepSettings.model_validate(
        settings.model_dump()
        | {
            "sampler_seed": settings.sampler_seed + 1,
            "fixed": space.fixed,
            "parameters": {name: p.model_dump() for name, p in space.parameters.items()},
        }
    )
    lines = [*_header(refinement), ""]
    kept = settings.model_dump(
        mode="json", exclude_defaults=True, exclude={"method", "fixed", "parameters"}
    )
    for key, value in ({"method": settings.method} | kept).items():
        lines += _entry(key, value, "")
    lines += _fixed(refinement)
    lines += ["", "parameters:"]
    for name, parameter in space.parameters.items():
        lines += _comment(refinement.of(name))
        content = parameter.model_dump(mode="json", exclude_defaults=True)
        last = {key: content.pop(key) for key in ("when", "hard", "unit") if key in content}
        lines += _entry(name, {"type": parameter.type} | content | last, "  ")
    return "\n".join(lines) + "\n"


def _header(refinement: Refinement) -> list[str]:
    rules = refinement.rules
    text = [
        f"The next sweep after {refinement.sweep}, {rules.mode}: from {refinement.rows} "
        f"configurations, compared with {refinement.null}.",
        f"On pure noise nothing is changed with a probability of {1 - rules.alpha:.4g} at least.",
        *refinement.notes,
    ]
    gone = [one for one in refinement.decisions if one.action == "drop"]
    text += [f"{one.parameter} is dropped: {one.reason}" for one in gone]
    return [line for paragraph in text for line in _wrapped(paragraph, "")]


def _fixed(refinement: Refinement) -> list[str]:
    if not refinement.space.fixed:
        return []
    decided = {one.parameter: one for one in refinement.decisions}
    lines = ["", "fixed:"]
    for name, value in refinement.space.fixed.items():
        if name in decided:
            lines += _comment(decided[name])
        lines += _entry(name, value, "  ")
    return lines


def _comment(one: Decision) -> list[str]:
    change = f" {one.before} -> {one.after}" if one.change is not None else ""
    # A candidate's reason says so itself.
    action = "" if one.action == "candidate" else f"{one.action}{change}: "
    lines = _wrapped(f"{action}{one.reason}", "  ")
    lines += _wrapped(f"evidence: {one.evidence}.", "  ")
    lines += _wrapped(f"would change if {one.would_change_if}", "  ")
    if one.command:
        # Not wrapped: to be copied as it stands.
        lines.append("  # compare: " + one.command.replace("\n", " "))
    return lines


def _wrapped(text: str, indent: str) -> list[str]:
    start = f"{indent}# "
    return textwrap.wrap(
        " ".join(text.split()), _WIDTH, initial_indent=start, subsequent_indent=start
    )


def _entry(key: str, value: Any, indent: str) -> list[str]:
    """A key with its value on one line where it fits, else as a block."""
    value = _with_none(value)
    named = yaml.safe_dump({key: None}).removesuffix(" null\n")
    if named.startswith("?"):
        # YAML's own form of a long key takes two lines; JSON's is YAML too.
        named = f"{json.dumps(key)}:"
    flow = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000)
    line = f"{indent}{named} {flow.removesuffix(chr(10)).removesuffix(chr(10) + '...')}"
    if len(line) <= _WIDTH or not isinstance(value, dict | list):
        return [line]
    block = yaml.safe_dump({"_": value}, sort_keys=False, width=_WIDTH - len(indent))
    block = named + block.removeprefix("_:")
    return textwrap.indent(block, indent).rstrip("\n").split("\n")


def _with_none(value: Any) -> Any:
    """A value with None in place of the word that stands for it in imported tables."""
    if isinstance(value, dict):
        return {key: _with_none(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_none(item) for item in value]
    return None if value == NULL else value
