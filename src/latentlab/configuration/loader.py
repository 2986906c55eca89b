"""How `conf/` is read: base, then the environment of the run, then a person's own `conf/local`.

Kedro reads base and one environment, so that `--env gpu` would leave out `conf/local`. Here it is
laid over every environment, and a file that nothing reads is an error instead of silence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import Field
from yaml import YAMLError

from latentlab.configuration.files import ConfigurationFiles
from latentlab.core.errors import UserError
from latentlab.core.model import StrictModel
from latentlab.core.validation import validate
from latentlab.experiment.blocks import merged

LOCAL = "local"
"""The environment that wins over all others; only runtime parameters win over it."""


class Globals(StrictModel):
    """What several files of `conf/` refer to."""

    data: str = Field("data", min_length=1, description="folder of results")


class LayeredConfigLoader(OmegaConfigLoader):
    """Kedro's loader with `conf/local` on top of every environment.

    All types of configuration are merged leaf by leaf. Within one environment a key may stand in
    one file only, as always in Kedro.

    Raises:
        UserError: there is no such environment, a file of one that is read is not read by
            anything, or a file cannot be parsed.
    """

    def __init__(self, conf_source: str | Path, env: str | None = None, **settings: Any) -> None:
        if signs := sorted(set("[]*?%") & set(str(conf_source))):
            raise UserError(
                f"{conf_source}: the folder's name has {' '.join(signs)}, which patterns of file "
                "names and addresses of databases take for signs of their own",
                "Rename the folder, or move the project.",
            )
        self._checked = False
        super().__init__(_absolute(conf_source), env, **settings)

    @property
    def run_env(self) -> str:
        """The environment of the run: what `--env` says, or base."""
        return self.env or self.default_run_env

    def __getitem__(self, key: str) -> dict[str, Any]:
        """The configuration of one type, such as `parameters`, resolved.

        Raises:
            UserError: a file cannot be parsed, a key is given twice, or a reference leads nowhere.
        """
        self._check_files()
        # Anew at every access, like Kedro's own: resolvers are of the process, not of the loader.
        OmegaConf.register_new_resolver("run_env", lambda: self.run_env, replace=True)
        try:
            config, own = self._without_local(key), self._local(key)
            config = self._soft_merge(config, own) if own else config
        except OmegaConfBaseException as error:
            place = f", key {error.full_key}" if error.full_key else ""
            raise UserError(
                f"conf/, {key}{place}: {error.msg or error}", "Correct the reference, ${..}, there."
            ) from error
        except (ValueError, YAMLError) as error:
            raise UserError(f"conf/: {error}", "Mend that file.") from error
        return (
            validate(Globals, config, "conf/, globals").model_dump() if key == "globals" else config
        )

    @staticmethod
    def _soft_merge(
        config: dict[str, Any], env_config: dict[str, Any], env_path: str | None = None
    ) -> dict[str, Any]:
        """Kedro's, which makes nodes of OmegaConf of settings that are resolved already: slow."""
        return merged(config, env_config)

    def _check_files(self) -> None:
        """Check all files of this run before the first is used, which Kedro's own loader does."""
        if not self._checked:
            files = ConfigurationFiles(
                self._fs, Path(self._get_conf_env_path(self.base_env)).parent, self.config_patterns
            )
            files.check(self.run_env, dict.fromkeys((self.base_env, self.run_env, LOCAL)))
            self._checked = True

    def _without_local(self, key: str) -> dict[str, Any]:
        try:
            return super().__getitem__(key)
        except MissingConfigException:
            # conf/local alone may have it: credentials, as a rule.
            return {}

    def _local(self, key: str) -> dict[str, Any]:
        set_by_hand = key in self
        folder = self._get_conf_env_path(LOCAL)
        if set_by_hand or self.run_env == LOCAL or not self._fs.isdir(folder):
            return {}
        return self.load_and_merge_dir_config(
            folder,
            self.config_patterns[key],
            key,
            set(),
            read_environment_variables=key == "credentials",
        )


def _absolute(conf_source: str | Path) -> str | Path:
    """Return a folder's full path, as the files in it are listed; an archive's name as it is."""
    return Path(conf_source).absolute() if Path(conf_source).is_dir() else conf_source
