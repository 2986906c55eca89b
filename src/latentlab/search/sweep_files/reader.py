"""Sweep files: our own layout, that of the report, and a W&B sweep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from latentlab.core.errors import UserError, noting, together
from latentlab.core.strict_yaml import load_yaml
from latentlab.core.validation import validate
from latentlab.search.parameter_alias import ParameterAlias
from latentlab.search.parameters import CategoricalParameter, Parameter, is_number
from latentlab.search.settings import SearchedMetric, SweepSettings
from latentlab.search.sweep_files.report_layout import from_report
from latentlab.search.sweep_files.translation import Translation
from latentlab.search.sweep_files.wandb import TOP_LEVEL, from_wandb

Layout = Literal["own", "report", "wandb"]

_WANDB_ONLY = TOP_LEVEL - set(SweepSettings.model_fields)
_WANDB_VALUES = {"value", "values", "min", "max", "distribution", "parameters"}


@dataclass(frozen=True)
class SweepFile:
    """A sweep file as it was read, whose names of parameters are still its own.

    Attributes:
        content: as it stands in the file.
        layout: of the content.
        translation: the content in our words.
    """

    content: Mapping[str, Any]
    layout: Layout
    translation: Translation

    @property
    def names(self) -> list[str]:
        """Names of all parameters, fixed and searched, also of those that could not be read."""
        searched = self.translation.block.get("parameters")
        names = [*self.fixed, *(searched if isinstance(searched, Mapping) else ())]
        return [str(name) for name in names]

    @property
    def fixed(self) -> Mapping[str, Any]:
        """The fixed values, as far as they can be read."""
        fixed = self.translation.block.get("fixed")
        return fixed if isinstance(fixed, Mapping) else {}

    @property
    def objectives(self) -> list[SearchedMetric]:
        """The objectives, as far as they can be read."""
        given = self.translation.block.get("objectives")
        found = []
        for one in given if isinstance(given, list) else []:
            with suppress(ValidationError):
                found.append(SearchedMetric.model_validate(one))
        return found

    def settings(self) -> SweepSettings:
        """Return the sweep.

        Raises:
            UserError: one line with every mistake in the content, its key and its remedy.
        """
        found = self.translation
        if found.mistakes:
            raise together(found.mistakes)
        return validate(SweepSettings, found.block, "", spelled=found.spelled)


def read_sweep(path: Path, run_cap: int | None = None) -> SweepFile:
    """Return a sweep from a YAML file in any of the three layouts.

    Args:
        path: of the file.
        run_cap: runs of a W&B file that has none, whose agent is told them as `--count`.

    Raises:
        UserError: there is no such file, it is no YAML with keys, or it is none that takes a
            `run_cap`; other mistakes are in what is returned.
    """
    content = load_yaml(path)
    if run_cap is not None:
        if layout_of(content) != "wandb" or "run_cap" in content:
            raise UserError(
                f"{path}: sweeps.run_cap is of a W&B file that has no run_cap",
                "Take it out; how long this one is stands in the file",
            )
        content = {**content, "run_cap": run_cap}
    return read_sweep_content(content, path.stem)


def read_sweep_content(content: Mapping[str, Any], stem: str) -> SweepFile:
    """Return a sweep from content that was parsed already.

    Args:
        content: of a sweep file.
        stem: what the sweep is called.
    """
    layout = layout_of(content)
    match layout:
        case "wandb":
            found = from_wandb(content)
        case "report":
            found = from_report(content, stem)
        case "own":
            found = Translation(dict(content))
    found.mistakes += [
        UserError(f"{where}: {value} is not replaced in a sweep file", "Write the value itself")
        # A command's are W&B's macros.
        for where, value in _references({**found.block, "command": None})
    ]
    return SweepFile(content, layout, found)


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
    foreign = bool(_WANDB_ONLY & set(content)) or content.get("method") in ("bayes", "custom")
    return "wandb" if foreign else "own"


def _references(block: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield where a text holds `${..}`, which other files of `conf/` have replaced."""
    if isinstance(block, Mapping):
        for key, value in block.items():
            yield from _references(value, f"{where}.{key}" if where else str(key))
    elif isinstance(block, list):
        for position, value in enumerate(block):
            yield from _references(value, f"{where}[{position}]")
    elif isinstance(block, str) and "${" in block:
        yield where, block


def rename(settings: SweepSettings, aliases: Mapping[str, ParameterAlias]) -> SweepSettings:
    """Return a sweep in a study's own keys and values.

    Args:
        settings: with short names, with dotted keys, or both.
        aliases: what the short names mean; a name that is not among them stays as it is.

    Raises:
        UserError: two names mean one key, or a range of numbers has words for its values.
    """
    given = [*settings.fixed, *settings.parameters]
    meant = {short: aliases.get(short, ParameterAlias(short)) for short in given}
    mistakes: list[UserError] = []
    first: dict[str, str] = {}
    for short in given:
        other = first.setdefault(meant[short].key, short)
        if other != short:
            what = f"{other} and {short} are both {meant[short].key}"
            mistakes.append(UserError(what, "Keep one of the two"))
    content = settings.model_dump(exclude_unset=True)
    content["fixed"] = {
        meant[short].key: value if isinstance(value, list) else meant[short].value(value)
        for short, value in settings.fixed.items()
    }
    content["parameters"] = {}
    for short, parameter in settings.parameters.items():
        with noting(mistakes):
            content["parameters"][meant[short].key] = _renamed(short, parameter, meant)
    if mistakes:
        raise together(mistakes)
    return validate(SweepSettings, content, "")


def _renamed(
    short: str, parameter: Parameter, meant: Mapping[str, ParameterAlias]
) -> dict[str, Any]:
    block = parameter.model_dump(exclude_unset=True)
    if isinstance(parameter, CategoricalParameter):
        block["choices"] = [meant[short].value(choice) for choice in parameter.choices]
        block["ordered"] = parameter.ordered and all(map(is_number, block["choices"]))
    elif words := meant[short].values:
        raise UserError(
            f"{short}: the study wants one of some values here, not a range",
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
