"""What MLflow, Kedro and checkpoints cost beside the training of a study of 60 trials.

    python benchmarks/overheads.py [--epochs 600]

Runs the digits study in a copy of the project and prints seconds of training, of tracking, of
everything else that Kedro does, and of writing checkpoints, as shares of the training time. Process
start (importing Kedro, MLflow and torch) is printed and not counted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
spent: dict[str, float] = defaultdict(float)


def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with its time added to `spent[name]`."""

    def wrapper(*arguments: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            spent[name] += time.perf_counter() - start

    return wrapper


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=600)
    arguments = parser.parse_args()
    begin = time.perf_counter()
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project
    from kedro.runner import SequentialRunner

    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        shutil.copytree(ROOT / "conf", project / "conf", ignore=shutil.ignore_patterns("local"))
        (project / "conf" / "local").mkdir()
        (project / "src").mkdir()
        shutil.copy(ROOT / "pyproject.toml", project)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{project / 'mlflow.db'}"
        os.chdir(project)
        bootstrap_project(project)
        from latentlab.training import loop, runner

        spent["process start"] = time.perf_counter() - begin
        runner.Trainer.train = timed("training", runner.Trainer.train)
        loop.save_checkpoint = timed("checkpoints, in this process", loop.save_checkpoint)
        parameters = {
            "derp_vae": {"training": {"epochs": arguments.epochs}},
            # In this process, so that checkpoints can be timed too.
            "compute": {"engine": "inline"},
        }
        with KedroSession.create(project, runtime_params=parameters) as session:
            hook = next(
                plugin
                for plugin in session._hook_manager.get_plugins()
                if type(plugin).__name__ == "TrackingHook"
            )
            names = ("before_pipeline_run", "after_dataset_saved", "after_pipeline_run")
            for implementation in session._hook_manager.hook.__dict__.values():
                for entry in getattr(implementation, "get_hookimpls", list)():
                    if entry.plugin is hook and entry.function.__name__ in names:
                        entry.function = timed("tracking in MLflow", entry.function)
            start = time.perf_counter()
            session.run(pipeline_names=["derp_vae"], runner=SequentialRunner())
            spent["whole run"] = time.perf_counter() - start
    training = spent["training"]
    for name, seconds in spent.items():
        print(f"{name}: {seconds:.1f} s ({100 * seconds / training:.1f} % of training)")


if __name__ == "__main__":
    main()
