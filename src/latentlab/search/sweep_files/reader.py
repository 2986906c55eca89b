"""Sweep files: our own layout, that of the report, and a W&B sweep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from latentlab.core.errors import UserError
from latentlab.core.strict_yaml import load_yaml
from latentlab.core.validation import validate
from latentlab.search.parameter_alias import ParameterAlias
from latentlab.search.parameters import CategoricalParameter, Parameter, is_number
from latentlab.search.settings import SweepSettings
from latentlab.search.sweep_files.wandb import TOP_LEVEL, WORDS, from_wandb

Layout = Literal["own", "report", "wandb"]

_REPORT_WORDS = {"parameters": "param_ranges", "configurations": "n_trials"}
_WANDB_ONLY = TOP_LEVEL - set(SweepSettings.model_fields)
_WANDB_VALUES = {"value", "values", "min", "max", "distribution", "parameters"}


def read_sweep(path: str | Path) -> tuple[SweepSettings, list[str]]:
    """Return a sweep from a YAML file in any of the three layouts.

    Args:
        path: of the file.

    Returns:
        The settings, and what a reader should know: what was left out, lifted or taken otherwise.

    Raises:
        UserError: one line with the file, the key and the remedy.
    """
    path = Path(path)
    return _read(load_yaml(path), str(path), path.stem)


def read_sweep_block(content: Mapping[str, Any], name: str) -> tuple[SweepSettings, list[str]]:
    """Return a sweep from content that was parsed already.

    Args:
        content: of a sweep file.
        name: of the file or block, for messages.

    Raises:
        UserError: one line with the name, the key and the remedy.
    """
    return _read(content, name, name)


def layout_of(content: Mapping[str, Any]) -> Layout:
    """Return which of the three layouts a sweep's content has.

    `param_ranges` or `study_name` is the report's. Between W&B's layout and ours the parameters
    decide (`type` is ours; `value`, `values`, `min`, `max` are W&B's), and then the other keys.
    """
    if {"param_ranges", "study_name", "n_trials"} & set(content):
        return "report"
    parameters = content.get("parameters")
    blocks = parameters.values() if isinstance(parameters, Mapping) else ()
    entries = [block for block in blocks if isinstance(block, Mapping)]
    ours = sum("type" in entry for entry in entries)
    theirs = sum("type" not in entry and bool(_WANDB_VALUES & set(entry)) for entry in entries)
    if ours != theirs:
        return "own" if ours > theirs else "wandb"
    foreign = bool(_WANDB_ONLY & set(content)) or content.get("method") in {"bayes", "custom"}
    return "wandb" if foreign else "own"


def _read(content: Mapping[str, Any], name: str, stem: str) -> tuple[SweepSettings, list[str]]:
    layout = layout_of(content)
    if layout == "wandb":
        block, warnings = from_wandb(content, name)
        return _settings(block, name, WORDS), warnings
    if layout == "report":
        block, warnings = _from_report(content, name, stem)
        return _settings(block, name, _REPORT_WORDS), warnings
    return _settings(content, name), []


def _settings(
    content: Mapping[str, Any], name: str, words: Mapping[str, str] | None = None
) -> SweepSettings:
    return validate(SweepSettings, content, name, spelled=words)


def _from_report(
    content: Mapping[str, Any], name: str, stem: str
) -> tuple[dict[str, Any], list[str]]:
    """The report's layout in our words; our other keys may stand beside its own."""
    block: dict[str, Any] = {}
    for key, value in content.items():
        if key in _REPORT_WORDS:
            raise UserError(
                f"{name}: {key}: there is no such key beside n_trials and param_ranges",
                f"Write {_REPORT_WORDS[key]}",
            )
        if key != "study_name":
            own = {theirs: ours for ours, theirs in _REPORT_WORDS.items()}.get(key, key)
            block[own] = value
    if isinstance(block.get("parameters"), Mapping):
        block["parameters"] = {
            parameter: _with_order(entry) for parameter, entry in block["parameters"].items()
        }
    title = content.get("study_name")
    if title is None or title == stem:
        return block, []
    return block, [f"study_name: {title} is not used; a sweep is called what its file is called"]


def _with_order(entry: Any) -> Any:
    """Choices that are rising numbers have an order: the report treats them as numbers."""
    if not isinstance(entry, Mapping) or entry.get("type") != "categorical" or "ordered" in entry:
        return entry
    choices = entry.get("choices")
    if not isinstance(choices, list) or not all(is_number(choice) for choice in choices):
        return entry
    return {**entry, "ordered": len(choices) > 1 and choices == sorted(choices)}


def rename(
    settings: SweepSettings, aliases: Mapping[str, ParameterAlias], name: str = "the sweep"
) -> SweepSettings:
    """Return a sweep in a study's own keys and values.

    Args:
        settings: with short names, with dotted keys, or both.
        aliases: what the short names mean; a name that is not among them stays as it is.
        name: of the file, for messages.

    Raises:
        UserError: two names mean one key, or a range of numbers has words for its values.
    """
    given = [*settings.fixed, *settings.parameters]
    meant = {short: aliases.get(short, ParameterAlias(short)) for short in given}
    first: dict[str, str] = {}
    for short in given:
        key = meant[short].key
        if key in first:
            raise UserError(
                f"{name}: {first[key]} and {short} are both {key}", "Keep one of the two"
            )
        first[key] = short
    content = settings.model_dump(exclude_unset=True)
    content["fixed"] = {
        meant[short].key: value if isinstance(value, list) else meant[short].value(value)
        for short, value in settings.fixed.items()
    }
    content["parameters"] = {
        meant[short].key: _renamed(short, parameter, meant, name)
        for short, parameter in settings.parameters.items()
    }
    return _settings(content, name)


def _renamed(
    short: str, parameter: Parameter, meant: Mapping[str, ParameterAlias], name: str
) -> dict[str, Any]:
    block = parameter.model_dump(exclude_unset=True)
    if isinstance(parameter, CategoricalParameter):
        block["choices"] = [meant[short].value(choice) for choice in parameter.choices]
        block["ordered"] = parameter.ordered and all(map(is_number, block["choices"]))
    elif words := meant[short].values:
        raise UserError(
            f"{name}: {short}: the study wants one of some values here, not a range",
            f"Write it as categorical with choices of {', '.join(map(str, words))}",
        )
    if parameter.when:
        block["when"] = {
            meant[other].key: [meant[other].value(value) for value in wanted]
            if isinstance(wanted, list)
            else meant[other].value(wanted)
            for other, wanted in parameter.when.items()
        }
    return block
