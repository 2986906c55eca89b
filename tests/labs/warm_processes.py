"""Processes that start with the libraries imported already, and Kedro commands in such ones.

Most of the time of a short `kedro run` goes into importing MLflow, PyTorch, SciPy and latentlab. A
server process imports them once and forks for every command, which has a working folder, an
environment, outputs and an exit status of its own, and itself imports what Kedro sets up.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

import latentlab

PACKAGE = Path(latentlab.__file__).parent
WITH_KEDRO = {"cli", "configuration", "pipelines", "tracking"}
"""Folders that import Kedro's framework, which reads its surroundings as it is imported."""
LIBRARIES = (
    "alembic.config",
    "dynaconf",
    "flask",
    "fsspec.implementations.chained",
    "fsspec.implementations.local",
    "git",
    "IPython",
    "kedro.config",
    "kedro.io",
    "kedro.pipeline",
    "kedro_datasets.json.json_dataset",
    "kedro_datasets.pandas",
    "kedro_datasets.pickle.pickle_dataset",
    "kedro_datasets.plotly",
    "kedro_viz.integrations.kedro.hooks",
    "mlflow.pyfunc",
    "mlflow.sklearn",
    "mlflow.statsmodels",
    "mlflow.store.model_registry.sqlalchemy_workspace_store",
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    "mlflow.tracing.export",
    "mlflow.tracing.processor.otel",
    "narwhals._pandas_like.namespace",
    "omegaconf",
    "optuna",
    "pandas.io.formats.csvs",
    "pandera.pandas",
    "PIL.ImageFont",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "plotly.graph_objects",
    "plotly.io._json",
    "plotly.offline",
    "plotly.subplots",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "rich.logging",
    "rich.traceback",
    "safetensors.torch",
    "sklearn.datasets",
    "sklearn.datasets.data",
    "sqlalchemy.dialects.sqlite",
    "statsmodels.api",
    "tomli_w",
    "torch._decomp",
    "torch.fx.experimental.symbolic_shapes",
)
OWN = [
    ".".join(("latentlab", *path.relative_to(PACKAGE).with_suffix("").parts))
    for path in sorted(PACKAGE.glob("*/**/[!_]*.py"))
    if path.relative_to(PACKAGE).parts[0] not in WITH_KEDRO
]
# Not every system lets libraries live on after a fork: elsewhere each process imports its own.
CONTEXT = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
CONTEXT.set_forkserver_preload([*LIBRARIES, *OWN, "labs.installed_packages"])
# For the server, which reads it when it imports MLflow.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def start_kedro(
    arguments: tuple[str, ...],
    root: Path,
    environment: Mapping[str, str],
    output: str | Path = os.devnull,
    errors: str | Path = os.devnull,
) -> BaseProcess:
    """Start a Kedro command in a folder; its process leads a group of its own.

    Args:
        arguments: what follows `kedro`.
        root: the project.
        environment: the whole environment.
        output: the file that takes its standard output.
        errors: the file that takes its standard error.
    """
    process = CONTEXT.Process(
        target=_kedro, args=(arguments, root, dict(environment), (output, errors))
    )
    process.start()
    return process


def _kedro(
    arguments: tuple[str, ...],
    root: Path,
    environment: Mapping[str, str],
    outputs: tuple[str | Path, str | Path],
) -> None:
    os.setsid()
    # What the server imported stays: collections pass it over, and its memory is not copied.
    gc.freeze()
    if (root / "src" / PACKAGE.name).exists():
        # The project has a package of its own, which Kedro puts first on the path.
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE.name]:
            del sys.modules[name]
    # Coverage is measured in the processes of the tests: its tracer would double the time here.
    sys.settrace(None)
    threading.settrace(None)
    for stream, path in enumerate(outputs, start=1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, stream)
        os.close(file)
    os.chdir(root)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["kedro", *arguments]
    from kedro.framework.cli import main

    try:
        main()
    except Exception as error:
        # As the interpreter does at the end of a program.
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)
