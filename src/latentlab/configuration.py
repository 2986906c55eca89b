"""How `conf/` is read: base, then the environment of the run, then a person's own `conf/local`.

Kedro reads base and one environment, so that `--env gpu` would leave out `conf/local`. Here it is
laid over every environment, and a file that nothing reads is an error instead of silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from omegaconf import OmegaConf
from yaml import YAMLError

from latentlab.core.errors import UserError
from latentlab.studies.registry import STUDIES

LOCAL = "local"
"""The environment that wins over all others; only runtime parameters win over it."""

SUFFIXES = (".yml", ".yaml", ".json")
"""What Kedro takes for configuration."""

NAMED = tuple(
    f"{name}/{files}"
    for name in STUDIES
    for files in ("sweeps/*.yml", "sweeps/*.yaml", "configurations/*.yml")
)
"""Files that are read when a parameter of a study names them."""


class LayeredConfigLoader(OmegaConfigLoader):
    """Kedro's loader with `conf/local` on top of every environment.

    All types of configuration are merged leaf by leaf. Within one environment a key may stand in
    one file only, as always in Kedro.

    Raises:
        UserError: there is no such environment, a file of one that is read is not read by
            anything, or a file cannot be parsed.
    """

    def __init__(self, conf_source: str | Path, env: str | None = None, **settings: Any) -> None:
        super().__init__(conf_source, env, **settings)
        self._refuse_unread_files()

    @property
    def run_env(self) -> str:
        """The environment of the run: what `--env` says, or base."""
        return self.env or self.default_run_env

    def __getitem__(self, key: str) -> dict[str, Any]:
        """The configuration of one type, such as `parameters`, resolved.

        Raises:
            UserError: a file cannot be parsed, a key is given twice, or a reference leads nowhere.
        """
        # Anew at every access, like Kedro's own: resolvers are of the process, not of the loader.
        OmegaConf.register_new_resolver("run_env", lambda: self.run_env, replace=True)
        try:
            config, own = self._without_local(key), self._local(key)
            return self._soft_merge(config, own) if own else config
        except (ValueError, YAMLError) as error:
            raise UserError(f"conf/: {error}", "Mend that file.") from error

    def _without_local(self, key: str) -> dict[str, Any]:
        try:
            return super().__getitem__(key)
        except MissingConfigException:
            # conf/local alone may have it: credentials, as a rule.
            return {}

    def _local(self, key: str) -> dict[str, Any]:
        set_by_hand = key in self
        if set_by_hand or self.run_env == LOCAL or not self._is_there(LOCAL):
            return {}
        return self.load_and_merge_dir_config(
            self._get_conf_env_path(LOCAL),
            self.config_patterns[key],
            key,
            set(),
            read_environment_variables=key == "credentials",
        )

    def _is_there(self, env: str) -> bool:
        return bool(self._fs.isdir(self._get_conf_env_path(env)))

    def _refuse_unread_files(self) -> None:
        """Name the first file, in the environments of this run, that nothing reads."""
        if not self._is_there(self.run_env):
            raise UserError(
                f"There is no environment conf/{self.run_env}",
                f"Those that are there: {', '.join(sorted(self._environments()))}.",
            )
        for env in dict.fromkeys((self.base_env, self.run_env, LOCAL)):
            if self._is_there(env):
                self._refuse_unread_files_of(env)
        for path in self._fs.ls(self._root, detail=False):
            name = Path(path).name
            if self._fs.isfile(path) and not _is_note(name) and Path(name).stem != "logging":
                raise UserError(
                    f"conf/{name}: nothing reads this file",
                    "Only logging.yml is read there; settings belong into conf/local/.",
                )

    def _refuse_unread_files_of(self, env: str) -> None:
        folder = self._get_conf_env_path(env)
        patterns = [p for of_type in self.config_patterns.values() for p in of_type]
        read = {
            path
            for pattern in patterns
            for path in self._fs.glob(f"{folder}/{pattern}")
            if path.endswith(SUFFIXES)
        }
        read |= {path for pattern in NAMED for path in self._fs.glob(f"{folder}/{pattern}")}
        for path in sorted(self._fs.find(folder)):
            inside = Path(path).relative_to(folder)
            if path not in read and not any(_is_note(part) for part in inside.parts):
                raise UserError(
                    f"conf/{env}/{inside.as_posix()}: nothing reads this file",
                    "Files of an environment that are read: parameters*, hypotheses*, catalog*, "
                    "globals*, mlflow* and credentials* with the ending .yml, .yaml or .json, and "
                    "<study>/sweeps/*.yml, *.yaml and <study>/configurations/*.yml.",
                )

    @property
    def _root(self) -> str:
        return str(Path(self._get_conf_env_path(self.base_env)).parent)

    def _environments(self) -> Iterator[str]:
        for path in self._fs.ls(self._root, detail=False):
            if self._fs.isdir(path) and not Path(path).name.startswith("."):
                yield Path(path).name


def _is_note(name: str) -> bool:
    """Whether a file, or a folder, is for people or for tools: README.md, .gitkeep."""
    return name.startswith(".") or name == "README.md"
