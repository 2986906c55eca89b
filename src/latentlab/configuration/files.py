"""The files in `conf/`: which are read, and whether each is YAML that holds keys with values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from latentlab.core.errors import UserError, together
from latentlab.core.strict_yaml import parse_yaml
from latentlab.core.validation import nearest
from latentlab.studies.registry import STUDIES

SUFFIXES = (".yml", ".yaml", ".json")
"""What Kedro takes for configuration."""

NAMED = tuple(
    f"{name}/{files}"
    for name in STUDIES
    for files in ("sweeps/*.yml", "sweeps/*.yaml", "configurations/*.yml")
)
"""Files that are read when a parameter of a study names them."""


class ConfigurationFiles:
    """What lies in `conf/`.

    Args:
        file_system: where it lies, of fsspec.
        root: the folder of the environments.
        patterns: file names by type of configuration.
    """

    def __init__(self, file_system: Any, root: Path, patterns: Mapping[str, Sequence[str]]) -> None:
        self._fs = file_system
        self._root = root
        self._patterns = [p for of_type in patterns.values() for p in of_type]

    def check(self, chosen: str, environments: Iterable[str]) -> None:
        """Refuse an environment that is not there, unread files, folders and what is no settings.

        Args:
            chosen: the environment of the run.
            environments: all that are read in this run; one that is not there is left out.

        Raises:
            UserError: one line with every mistake.
        """
        if not self._fs.isdir(str(self._root / chosen)):
            known = sorted(self._folders())
            raise UserError(
                f"There is no environment conf/{chosen}",
                nearest(chosen, known),
            )
        there = [env for env in environments if self._fs.isdir(str(self._root / env))]
        mistakes = [m for env in there for m in self._of_environment(env)]
        mistakes += self._of_root()
        if mistakes:
            raise together(mistakes)

    def _of_environment(self, env: str) -> Iterator[UserError]:
        folder = self._root / env
        read = {
            path
            for pattern in self._patterns
            for path in self._fs.glob(f"{folder}/{pattern}")
            if path.endswith(SUFFIXES)
        }
        named = {path for pattern in NAMED for path in self._fs.glob(f"{folder}/{pattern}")}
        for path in sorted(one for one in read | named if self._fs.isdir(one)):
            yield _folder(f"conf/{env}/{Path(path).relative_to(folder).as_posix()}")
        for path in sorted(self._fs.find(str(folder))):
            inside = Path(path).relative_to(folder)
            if any(_is_note(part) for part in inside.parts):
                continue
            if path in read:
                yield from self._unusable(path, f"conf/{env}/{inside.as_posix()}")
            elif path not in named:
                yield UserError(
                    f"conf/{env}/{inside.as_posix()}: nothing reads this file",
                    "Files of an environment that are read: parameters*, hypotheses*, catalog*, "
                    "globals*, mlflow* and credentials* with the ending .yml, .yaml or .json, and "
                    "<study>/sweeps/*.yml, *.yaml and <study>/configurations/*.yml.",
                )

    def _unusable(self, path: str, name: str) -> Iterator[UserError]:
        try:
            content = parse_yaml(self._fs.cat_file(path), name)
        except OSError as error:
            yield UserError(f"{name} cannot be read: {error.strerror or error}", "Allow reading it")
        except UserError as error:
            yield error
        else:
            # A file of comments alone holds nothing.
            if not isinstance(content, dict | None):
                yield UserError(f"{name} holds no keys with values", "Write them as `key: value`")

    def _of_root(self) -> Iterator[UserError]:
        for path in self._fs.ls(str(self._root), detail=False):
            name = Path(path).name
            if self._fs.isdir(path) and name.endswith(SUFFIXES) and Path(name).stem == "logging":
                yield _folder(f"conf/{name}")
            if self._fs.isfile(path) and not _is_note(name) and Path(name).stem != "logging":
                yield UserError(
                    f"conf/{name}: nothing reads this file",
                    "Only logging.yml is read there; settings belong into conf/local/.",
                )

    def _folders(self) -> Iterator[str]:
        for path in self._fs.ls(str(self._root), detail=False):
            if self._fs.isdir(path) and not Path(path).name.startswith("."):
                yield Path(path).name


def _folder(name: str) -> UserError:
    return UserError(f"{name} is a folder where a file is read", "Rename the folder")


def _is_note(name: str) -> bool:
    """Whether a file, or a folder, is for people or for tools: README.md, .gitkeep."""
    return name.startswith(".") or name == "README.md"
