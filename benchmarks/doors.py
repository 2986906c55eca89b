"""Times the door for runs that exist: a foreign experiment of MLflow, W&B's table, 10,000 runs.

    python benchmarks/doors.py

Makes an experiment as strangers have it (scikit-learn's autolog, searches around nested runs, words
as parameters, metrics that are missing, failed runs) and tables, judges each, and prints seconds
after imports and the largest memory of the process. Then it gives the commands in a copy of the
project, and prints their seconds from the start of the process, how many of these are imports, and
those of CPU, which other work on the machine does not change.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

from latentlab.runs.judging.judged import JudgedRuns, judge_runs
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.tracking.experiments import runs_of

ARMS = {"baseline": {"penalty": "l2"}, "l1": {"penalty": "l1"}, "free": {"penalty": None}}


def foreign_experiment() -> None:
    """60 runs: 3 searches of 18 nested fits on the same seeds, 3 runs that failed."""
    mlflow.set_experiment("digits")
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
    data = load_digits(return_X_y=True)
    for name, settings in ARMS.items():
        with mlflow.start_run(run_name=name):
            for seed in range(18):
                with mlflow.start_run(run_name=f"{name}-{seed}", nested=True):
                    mlflow.log_params({"model": name, "seed": seed, "note": "as it is"})
                    x, x_test, y, y_test = train_test_split(
                        *data, random_state=seed, train_size=200
                    )
                    fitted = SGDClassifier(max_iter=20, tol=None, **settings).fit(x, y)
                    if (name, seed) != ("l1", 7):
                        mlflow.log_metric("test_acc", fitted.score(x_test, y_test))
            failed = mlflow.MlflowClient().create_run(
                mlflow.get_experiment_by_name("digits").experiment_id
            )
            mlflow.MlflowClient().log_param(failed.info.run_id, "model", name)
            mlflow.MlflowClient().log_param(failed.info.run_id, "seed", 17)
            mlflow.MlflowClient().set_terminated(failed.info.run_id, "FAILED")


def many_runs(count: int) -> pd.DataFrame:
    """Runs of ten arms on the same seeds."""
    draws = np.random.default_rng(0)
    arms = ["control", *(f"arm_{k}" for k in range(1, 10))]
    return pd.DataFrame(
        {
            "model": np.tile(arms, count // 10),
            "seed": np.repeat(np.arange(count // 10), 10),
            "lr": 0.1,
            "test_acc": draws.normal(0.8, 0.01, count),
        }
    )


def wandb_table(count: int) -> pd.DataFrame:
    """The CSV that W&B's page of a project exports."""
    runs = many_runs(count)
    head = {"Name": [f"brisk-otter-{k}" for k in range(count)], "State": "finished", "Notes": "-"}
    head |= {"User": "me", "Tags": "", "Created": "2026-01-01T00:00:00.000Z", "Runtime": 12}
    return pd.DataFrame(
        {**head, "Sweep": "", **runs[["lr", "model", "seed"]], **runs[["test_acc"]]}
    )


def timed(what: str, judge: Callable[[], JudgedRuns]) -> None:
    """Print how long it takes and the largest memory of the process so far."""
    begin = time.perf_counter()
    found = judge()
    seconds = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:40} {seconds:6.1f} s  {memory:6.0f} MiB  {len(found.verdicts)} verdicts")
    for sentence in found.said:
        print(f"    {sentence}")


ROOT = Path(__file__).resolve().parents[1]
LATENTLAB = ("-c", "from latentlab.cli import main; main()")
_IMPORTED = re.compile(r"^import time: +(\d+) \|", re.MULTILINE)


def project(folder: Path) -> Path:
    """A copy of the project without data."""
    lab = folder / "lab"
    shutil.copytree(ROOT / "conf", lab / "conf", ignore=shutil.ignore_patterns("local"))
    for name in ("conf/local", "data", "src"):
        (lab / name).mkdir()
    shutil.copy(ROOT / "pyproject.toml", lab)
    return lab


def command(lab: Path, *arguments: str) -> None:
    """Give a command, and print what it takes."""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=lab,
        env={k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - begin
    imports = sum(map(int, _IMPORTED.findall(done.stderr))) / 1e6
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    called = " ".join(word for word in arguments if word not in LATENTLAB)
    print(
        f"{called.replace(str(lab.parent), '')[:60]:60} {seconds:6.1f} s, imports {imports:5.1f}, "
        f"CPU {cpu:5.1f}, status {done.returncode}",
        flush=True,
    )


def main() -> None:
    """Judge each source, in this process and by command."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        foreign_experiment()
        wandb_table(60).to_csv(folder / "wandb.csv", index=False)
        many_runs(10_000).to_csv(folder / "many.csv", index=False)

        def judged(source: str, **said: object) -> Callable[[], JudgedRuns]:
            chosen = EvidenceSettings.model_validate({"source": source, **said})
            return lambda: judge_runs(chosen, folder, runs_of)

        timed("imports and 60 runs of W&B's table", judged("wandb.csv"))
        timed("60 runs of MLflow", judged("mlflow:digits", metric="test_acc", arm="model"))
        timed("60 runs of W&B's table", judged("wandb.csv"))
        timed("10,000 runs of CSV", judged("many.csv"))

        lab = project(folder)
        foreign = f"mlflow:sqlite:///{folder / 'mlflow.db'}#digits"
        table, many = str(folder / "wandb.csv"), str(folder / "many.csv")
        # The first command makes the tracking store.
        command(lab, *LATENTLAB, "audit", table)
        for verb in ("judge", "audit"):
            command(lab, *LATENTLAB, verb, foreign, "--metric", "test_acc", "--arm", "model")
            command(lab, *LATENTLAB, verb, table)
            command(lab, *LATENTLAB, verb, many)
        said = f"evidence.source={table}"
        command(lab, "-m", "kedro", "run", "--pipelines", "evidence", "--params", said)


if __name__ == "__main__":
    main()
