"""From the command as it is declared to the one of a trial: placeholders and W&B's macros.

`{training.lr}` stands for a setting. Of W&B's macros `${args}` (and its forms) stands for all of
them, `${program}`, `${interpreter}` and `${env}` for what its agent puts there, and `${envvar:X}`
for a variable of the shell; filled as by `sdk/launch/sweeps/utils.py` of W&B's client: settings by
their dotted names, blocks of `program.nested` as one mapping.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from latentlab.core.validation import Mistake, nearest
from latentlab.experiment.programs.settings import ProgramSettings

FOLDER, DEVICE, SEED, DATASET = "folder", "device", "seed", "dataset"
RESERVED = (SEED, DATASET, FOLDER, DEVICE)
"""Placeholders that are no settings; of a trial's name, folder and device are no part."""

ARGUMENTS_FILE = "arguments.json"
"""File in the trial's folder that `${args_json_file}` names."""

_PLACEHOLDER = re.compile(r"\{\{|\}\}|(?<!\$)\{([A-Za-z_][\w.-]*)\}")
_MACRO = re.compile(r"\$\{([^}]*)\}")
_VARIABLE = re.compile(r"envvar:([A-Z0-9_]*)")
_FORMS: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "args": lambda values: [f"--{name}={value}" for name, value in values.items()],
    "args_no_hyphens": lambda values: [f"{name}={value}" for name, value in values.items()],
    "args_no_equals": lambda values: [
        part for name, value in values.items() for part in (f"--{name}", str(value))
    ],
    "args_no_boolean_flags": lambda values: [
        f"--{name}" if value is True else f"--{name}={value}"
        for name, value in values.items()
        if value is not False
    ],
    "args_append_hydra": lambda values: [f"+{name}={value}" for name, value in values.items()],
    "args_override_hydra": lambda values: [f"++{name}={value}" for name, value in values.items()],
    "args_json": lambda values: [json.dumps(values)],
    "args_json_file": lambda _: [f"{{{FOLDER}}}/{ARGUMENTS_FILE}"],
}
"""What each macro that stands for all settings becomes."""
_WORDS = {"env": "/usr/bin/env", "interpreter": "python"}


@dataclass(frozen=True)
class Call:
    """One run of a program, but for the folder and the device, which decide no outcome.

    Attributes:
        command: the program and its arguments.
        environment: variables that are set for it.
        arguments: all settings as `${args}` names them.
        reads_file: whether it reads them from the file of `${args_json_file}`.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    arguments: Mapping[str, Any]
    reads_file: bool

    def placed(self, folder: str, device: str) -> Call:
        """Return the call as it is run."""
        known = {FOLDER: folder, DEVICE: device}
        return Call(
            tuple(_filled(part, known, final=True) for part in self.command),
            {n: _filled(value, known, final=True) for n, value in self.environment.items()},
            self.arguments,
            self.reads_file,
        )


def call_of(program: ProgramSettings, values: Mapping[str, Any], seed: int, dataset: str) -> Call:
    """Return the call of a trial.

    Args:
        program: as it is declared.
        values: the arm's settings by dotted key; a text may hold `{seed}` itself.
        seed: of the trial.
        dataset: name of the problem.
    """
    known = {SEED: str(seed), DATASET: dataset}
    own = {name: seed if value == f"{{{SEED}}}" else value for name, value in values.items()}
    shown = {name: str(value) for name, value in own.items()} | known
    arguments = _arguments(own, program.nested)
    command: list[str] = []
    for part in program.command:
        macro = _MACRO.fullmatch(part)
        if macro and macro[1] in _FORMS:
            command += [_escaped(one) for one in _FORMS[macro[1]](arguments)]
        elif macro and macro[1] in _WORDS:
            command.append(_WORDS[macro[1]])
        else:
            command.append(_filled(_with_variables(part), shown))
    environment = {
        name: _escaped(os.environ.get(name, "")) if value is None else _filled(value, shown)
        for name, value in program.environment.items()
    }
    in_file = any(part == "${args_json_file}" for part in program.command)
    return Call(tuple(command), environment, arguments, in_file)


def _arguments(values: Mapping[str, Any], nested: Collection[str]) -> dict[str, Any]:
    """Return settings by dotted name, those of the nested blocks as mappings."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        block, *inner = name.split(".")
        if not (inner and block in nested):
            found[name] = value
            continue
        place = found
        for part in (block, *inner[:-1]):
            place = place.setdefault(part, {})
        place[inner[-1]] = value
    return found


def search_path() -> str:
    """Return where programs are looked for: beside this Python first, activated or not."""
    path = os.environ.get("PATH", os.defpath)
    return os.pathsep.join((os.path.dirname(sys.executable), path))


def takes_all(program: ProgramSettings) -> bool:
    """Say whether a command takes settings of any name."""
    return any((m := _MACRO.fullmatch(part)) and m[1] in _FORMS for part in program.command)


def takes_seed(program: ProgramSettings, values: Collection[Any] = ()) -> bool:
    """Say whether anything hands a program its seed; `values` are those of its settings."""
    return SEED in _names(program) or f"{{{SEED}}}" in values


def settings_named(program: ProgramSettings) -> list[str]:
    """Return the settings that a program names one by one."""
    return [name for name in _names(program) if name not in RESERVED]


def macro_mistakes(program: ProgramSettings) -> Iterator[Mistake]:
    """Yield macros that W&B's agent does not know either, or that stand where it fills none."""
    known = [*_FORMS, *_WORDS]
    for position, part in enumerate(program.command):
        for macro in _MACRO.finditer(part):
            name, path = macro[1], ("program", "command", position)
            if _VARIABLE.fullmatch(name):
                continue
            if name not in known:
                near = nearest(name, known)
                yield Mistake(path, f"there is no macro ${{{name}}}", near)
            elif macro[0] != part:
                yield Mistake(path, f"{macro[0]} must stand alone", "Make it a part of its own")


def setting_mistakes(
    program: ProgramSettings, values: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Yield settings that a command needs and an arm lacks, and those that nothing reads.

    Returns:
        The setting, or nothing where the arm lacks it; what is wrong; the remedy.
    """
    named = settings_named(program)
    for name in named:
        if name not in values:
            near = nearest(name, [*values, *RESERVED])
            yield "", f"the program needs {{{name}}}, which is not set", f"Set it. {near}"
    if not takes_all(program):
        for name in values:
            if name not in named:
                unused = [one for one in named if one not in values] or named
                what = "nothing in program.command or program.environment reads this setting"
                yield name, what, nearest(name, unused)


def _names(program: ProgramSettings) -> list[str]:
    texts = [*program.command, *filter(None, program.environment.values())]
    found = (one[1] for text in texts for one in _PLACEHOLDER.finditer(text))
    return list(dict.fromkeys(name for name in found if name))


def _filled(text: str, known: Mapping[str, str], final: bool = False) -> str:
    """Return a text with the placeholders that are known; braces only in the end."""

    def value(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0] if final else found[0]
        if found[1] not in known:
            return found[0]
        return known[found[1]] if final else _escaped(known[found[1]])

    return _PLACEHOLDER.sub(value, text)


def _escaped(text: str) -> str:
    """Return a value whose braces stay what they are, but for the names of folder and device."""
    kept = "|".join(rf"\{{{name}\}}" for name in (FOLDER, DEVICE))
    return re.sub(rf"{kept}|[{{}}]", lambda one: one[0] if len(one[0]) > 1 else one[0] * 2, text)


def _with_variables(text: str) -> str:
    """Fill `${envvar:X}`; one that the shell lacks becomes its name, as with W&B."""

    def value(found: re.Match[str]) -> str:
        variable = _VARIABLE.fullmatch(found[1])
        return found[0] if variable is None else os.environ.get(variable[1], variable[1])

    return _MACRO.sub(value, text)
