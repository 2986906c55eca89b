"""What the trials of a program are made from: its code and its inputs, and their fingerprint."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latentlab.core.errors import UserError, noting, together
from latentlab.core.model import StrictModel
from latentlab.core.provenance import code_state, is_tracked
from latentlab.experiment.programs.command import search_path
from latentlab.experiment.programs.settings import ProgramSettings

_SCRIPTS = (".py", ".sh", ".jl", ".R", ".lua")


class ProgramSource(StrictModel):
    """A program as it was found: it takes the place that prepared data have in other studies.

    Attributes:
        name: of the problem.
        directory: full path of where it runs.
        called: command and variables as they are declared.
        code: the commit of the directory with what is changed, and digests of scripts that no
            commit has, by file.
        inputs: digest of each, by its name in the declaration.
    """

    name: str
    directory: Path
    called: dict[str, Any]
    code: dict[str, str]
    inputs: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """Sha256 (hex) of how it is called, its code and its inputs, wherever they lie."""
        content = json.dumps([self.called, self.code, self.inputs], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def grouping(self) -> str:
        """Empty: nothing is known of single examples."""
        return ""

    def card(self) -> dict[str, Any]:
        """Return what a report says about it."""
        about = {"name": self.name, "origin": str(self.directory), "fingerprint": self.fingerprint}
        return about | {"called": self.called, "code": self.code, "inputs": self.inputs}


def find_program(name: str, program: ProgramSettings, root: Path, where: str) -> ProgramSource:
    """Look at a program before it runs.

    Args:
        name: of the problem.
        program: as it is declared.
        root: from where its directory is seen.
        where: the block's key, for messages.

    Raises:
        UserError: one line with all that is missing: directory, program, script, inputs.
    """
    directory = (root / program.directory).resolve()
    if not directory.is_dir():
        raise UserError(f"{where}.directory: {directory} is no folder", "Correct the path")
    mistakes: list[UserError] = []
    scripts = dict(_scripts(program, directory, where, mistakes))
    inputs: dict[str, str] = {}
    for position, path in enumerate(program.inputs):
        with noting(mistakes):
            inputs[path] = _digest(directory / path, f"{where}.inputs[{position}]")
    if mistakes:
        raise together(mistakes)
    return ProgramSource(
        name=name,
        directory=directory,
        called={"command": list(program.command), "environment": program.environment},
        code=(code_state(directory) or {}) | scripts,
        inputs=inputs,
    )


def _scripts(
    program: ProgramSettings, directory: Path, where: str, mistakes: list[UserError]
) -> Iterator[tuple[str, str]]:
    """Yield digests of the program's own files that no commit has."""
    first, path = program.command[0], program.environment.get("PATH") or search_path()
    found = (shutil.which(name, path=path) for name in (first, str(directory / first)))
    if "{" not in first and not any(found):
        what = f"{where}.command: there is no program {first}"
        mistakes.append(UserError(what, "Correct its name, or install it"))
    for part in program.command:
        file = directory / part
        if file.is_file():
            if file.is_relative_to(directory) and is_tracked(file):
                continue
            yield part, _digest(file, where)
        elif part.endswith(_SCRIPTS) and not part.startswith("-") and "{" not in part:
            what = f"{where}.command: there is no {part} in {directory}"
            mistakes.append(UserError(what, "Correct its name, or program.directory"))


def _digest(path: Path, where: str) -> str:
    """Digest of a file, or of all files in a folder by their names."""
    try:
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        if not path.is_dir():
            raise UserError(f"{where}: there is no {path}", "Put it there, or correct the path")
        files = {
            one.relative_to(path).as_posix(): _digest(one, where)
            for one in sorted(path.rglob("*"))
            if one.is_file()
        }
    except OSError as error:
        raise UserError(f"{where}: {path} cannot be read", str(error.strerror or error)) from error
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()
