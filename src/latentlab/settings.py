"""Project settings; see https://docs.kedro.org for what each name means."""

from __future__ import annotations

from latentlab.catalog import ProjectCatalog
from latentlab.configuration.loader import LayeredConfigLoader
from latentlab.configuration.parameters import ProjectContext
from latentlab.pipelines.liveliness import LivelinessHook
from latentlab.pipelines.run_hook import RunHook
from latentlab.tracking.hook import TrackingHook
from latentlab.tracking.store_address import tracking_uri

HOOKS = (TrackingHook(), LivelinessHook(), RunHook())
# Our hook is kedro-mlflow's own with some methods replaced: both would log everything twice.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow",)

CONTEXT_CLASS = ProjectContext
DATA_CATALOG_CLASS = ProjectCatalog
CONFIG_LOADER_CLASS = LayeredConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    # conf/local is read in every environment, so it is none of its own.
    "default_run_env": "base",
    "config_patterns": {
        "parameters": [
            "parameters*",
            "parameters*/**",
            "**/parameters*",
            "**/hypotheses*",
        ],
        "globals": ["globals*"],
        "mlflow": ["mlflow*", "mlflow*/**", "**/mlflow*"],
    },
    # Without this an environment that sets one leaf would wipe out the whole block.
    "merge_strategy": dict.fromkeys(
        ("parameters", "globals", "mlflow", "catalog", "credentials"), "soft"
    ),
    "custom_resolvers": {"tracking_uri": tracking_uri},
}
