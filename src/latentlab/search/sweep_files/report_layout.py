"""The report's layout of a sweep file in our words; our other keys may stand beside its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentlab.core.errors import UserError, noting
from latentlab.search.parameters import is_number
from latentlab.search.sweep_files.translation import Translation

_WORDS = {"parameters": "param_ranges", "configurations": "n_trials"}
"""The report's words for ours."""
_OURS = {theirs: ours for ours, theirs in _WORDS.items()}


def from_report(content: Mapping[str, Any], stem: str) -> Translation:
    """Return a sweep in the report's layout in the words of ours.

    Args:
        content: of the file.
        stem: the name by which the sweep is called.
    """
    found = Translation(spelled=_WORDS)
    for key, value in content.items():
        if key in _WORDS:
            what = f"{key}: there is no such key beside n_trials and param_ranges"
            found.mistakes.append(UserError(what, f"Write {_WORDS[key]}"))
        elif key != "study_name":
            found.block[_OURS.get(key, key)] = value
    parameters = found.block.get("parameters")
    if isinstance(parameters, Mapping):
        found.block["parameters"] = {
            name: _parameter(entry, f"param_ranges.{name}", found.mistakes)
            for name, entry in parameters.items()
        }
    title = content.get("study_name")
    if title is not None and title != stem:
        found.warnings.append(
            f"study_name: {title} is not used; a sweep is called what its file is called"
        )
    return found


def _parameter(entry: Any, where: str, mistakes: list[UserError]) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    own = {key: value for key, value in entry.items() if key != "condition"}
    if "condition" in entry:
        with noting(mistakes):
            own["when"] = _when(entry, where)
    return _with_order(own)


def _when(entry: Mapping[str, Any], where: str) -> Any:
    """Our `when` for the report's `condition: {equals: {..}}`."""
    condition = entry["condition"]
    if "when" in entry:
        raise UserError(f"{where}: `when` and `condition` say the same", "Keep one of the two")
    if not isinstance(condition, Mapping) or set(condition) != {"equals"}:
        raise UserError(
            f"{where}.condition: only `equals` is known", "Write {equals: {other_parameter: value}}"
        )
    return condition["equals"]


def _with_order(entry: dict[str, Any]) -> dict[str, Any]:
    """Choices that are rising numbers have an order: the report treats them as numbers."""
    if entry.get("type") != "categorical" or "ordered" in entry:
        return entry
    choices = entry.get("choices")
    if not isinstance(choices, list) or not all(is_number(choice) for choice in choices):
        return entry
    return {**entry, "ordered": len(choices) > 1 and choices == sorted(choices)}
