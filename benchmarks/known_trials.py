"""What a run costs in which nothing is left to train: of 60, 600 and 5,000 known trials.

    python benchmarks/known_trials.py [--trials 60 600 5000] [--profile FILE]

Six arms of the digits study, with a small model, run on one seed in a copy of the project. Trials
of the other seeds are written by the store's own code: the same weights with noise, and scores with
noise beside them; their children in MLflow are copies of the first seed's, row by row. Then
`kedro run --pipelines derp_vae` finds everything known, twice: at first the arms' times are
measured anew, because there are more seeds, and logged with every child; again, nothing is new.

Printed are CPU seconds by node (tracking in MLflow is a part of these) of both runs, and of a
yardstick beside each: 100,000 small JSON texts that are written and hashed. Then seconds of reading
the parent's page (the newest 100 runs and children, as MLflow's pages ask for them); the largest
memory, files and sizes. `--profile` writes profiles of both runs, for `python -m pstats`.
"""

from __future__ import annotations

import argparse
import cProfile
import hashlib
import json
import os
import resource
import secrets
import shutil
import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
STUDY = "derp_vae"
SMALL = {"model": {"hidden": 8, "latent_dim": 2}, "training": {"epochs": 5}}


def run(project: Path, seeds: int, pipelines: list[str]) -> dict[str, float]:
    """Run pipelines in this process; CPU seconds by node, of tracking and in all, and seconds."""
    from kedro.framework.session import KedroSession
    from kedro.runner import SequentialRunner
    from kedro.runner.task import Task

    spent: dict[str, float] = defaultdict(float)
    execute = Task.execute
    Task.execute = lambda task: _timed(execute, task.node.name, spent)(task)
    try:
        with KedroSession.create(project, runtime_params=_parameters(seeds)) as session:
            for calls in vars(session._hook_manager.hook).values():
                for entry in getattr(calls, "get_hookimpls", list)():
                    if type(entry.plugin).__name__ == "TrackingHook":
                        entry.function = _timed(entry.function, "tracking", spent)
            began = time.perf_counter()
            whole = _timed(session.run, "in all", spent)
            whole(pipeline_names=pipelines, runner=SequentialRunner())
            spent["in all, by the clock"] = time.perf_counter() - began
    finally:
        Task.execute = execute
    return spent


def _parameters(seeds: int) -> dict[str, Any]:
    study = SMALL | {"seeds": {"first": 0, "count": seeds}}
    return {STUDY: study, "compute": {"engine": "inline", "compile": False}}


def _timed(function: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    """The function, with its CPU time added to `spent[name]`."""

    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return function(*arguments, **named)
        finally:
            spent[name] += time.process_time() - began

    return timed


class Pattern:
    """What is stored of a trial, which others are made after."""

    def __init__(self, study: Any, store: Any, trial: str) -> None:
        from latentlab.experiment.measurements import load_arrays, load_values
        from latentlab.experiment.trial_scores import EXAMPLES, FORM, SCORES, identity_of

        self.record, self.weights = store.record(trial), store.weights(trial)
        self.history = store.history(trial)
        folder, identity = store.folder(trial), identity_of(study, self.record.weights_digest)
        self.scores = load_values(folder / SCORES, identity) or {}
        self.examples = load_arrays(folder / EXAMPLES, identity | FORM)


def write_trials(project: Path, seeds: int, tracked: bool = True) -> int:
    """Write what is planned and not known, here and in MLflow; how many trials there are."""
    from safetensors.torch import save

    from latentlab.experiment.measurements import save_arrays, save_values
    from latentlab.experiment.planning import plan_trials
    from latentlab.experiment.trial_scores import EXAMPLES, FORM, SCORES, identity_of
    from latentlab.studies.registry import STUDIES

    study, draws = STUDIES[STUDY], np.random.default_rng(0)
    declaration, prepared, store = loaded(project, seeds)
    trials = plan_trials(study, declaration, prepared, "float32")
    first = {trial.arm: trial.id for trial in trials if store.knows(trial.id)}
    patterns = {arm: Pattern(study, store, trial) for arm, trial in first.items()}
    with store.locked(), closing(sqlite3.connect(project / "mlflow.db")) as database:
        runs = dict(database.execute("SELECT value, run_uuid FROM tags WHERE key = 'trial_id'"))
        for trial in (trial for trial in trials if not store.folder(trial.id).exists()):
            like = patterns[trial.arm]
            weights = {
                name: (value * (1 + 0.01 * float(draws.normal()))).to(value.dtype)
                for name, value in like.weights.items()
            }
            content = save(weights)
            digest = hashlib.sha256(content).hexdigest()
            new = replace(like.record, id=trial.id, seed=trial.seed, weights_digest=digest)
            store.save(new, content, trial.config.model_dump(mode="json"), like.history)
            folder, identity = store.folder(trial.id), identity_of(study, digest)
            noisy = {
                split: {name: value * draws.uniform(0.95, 1) for name, value in row.items()}
                for split, row in like.scores.items()
            }
            if like.examples is not None:
                save_arrays(folder / EXAMPLES, identity | FORM, like.examples)
            save_values(folder / SCORES, identity, noisy)
            if tracked:
                copy_child(database, runs[first[trial.arm]], trial.id, trial.seed, noisy)
        database.commit()
    return len(trials)


def loaded(project: Path, seeds: int) -> list[Any]:
    """The declaration of the study, its prepared data and its store."""
    from kedro.framework.session import KedroSession

    with KedroSession.create(project, runtime_params=_parameters(seeds)) as session:
        catalog = session.load_context().catalog
        return [
            catalog.load(name)
            for name in (f"params:{STUDY}", f"{STUDY}.prepared", f"{STUDY}.store")
        ]


def copy_child(
    database: sqlite3.Connection,
    like: str,
    trial: str,
    seed: int,
    scores: dict[str, dict[str, float]],
) -> None:
    """Copy the run of a trial for another one, with other scores."""
    from latentlab.tracking.flatten import mlflow_key

    new = secrets.token_hex(16)
    for table in ("runs", "tags", "params", "metrics", "latest_metrics"):
        names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        taken = ", ".join("?" if name == "run_uuid" else name for name in names)
        into = f"INSERT INTO {table} ({', '.join(names)})"
        database.execute(f"{into} SELECT {taken} FROM {table} WHERE run_uuid = ?", [new, like])
    for table, key, value in (
        ("tags", "trial_id", trial),
        ("tags", "seed", str(seed)),
        ("params", "seed", str(seed)),
        *(
            ("latest_metrics", mlflow_key(f"{split}.{name}"), value)
            for split, row in scores.items()
            for name, value in row.items()
        ),
    ):
        database.execute(
            f"UPDATE {table} SET value = ? WHERE key = ? AND run_uuid = ?", [value, key, new]
        )


def page(project: Path) -> float:
    """Seconds of the query behind the page of a parent's children."""
    import mlflow

    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name(STUDY)
    assert experiment is not None
    parent = client.search_runs([experiment.experiment_id], "tags.`latentlab.session` != ''")[0]
    began = time.perf_counter()
    client.search_runs([experiment.experiment_id], max_results=100)
    children = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    client.search_runs([experiment.experiment_id], children, max_results=100)
    return time.perf_counter() - began


@contextmanager
def new_project() -> Iterator[Path]:
    """A copy of the project, the current folder, with a first run on one seed."""
    from kedro.framework.startup import bootstrap_project

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        project = Path(folder)
        shutil.copytree(ROOT / "conf", project / "conf", ignore=shutil.ignore_patterns("local"))
        for name in ("conf/local", "src"):
            (project / name).mkdir()
        shutil.copy(ROOT / "pyproject.toml", project)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{project / 'mlflow.db'}"
        stack.callback(os.chdir, Path.cwd())
        os.chdir(project)
        bootstrap_project(project)
        run(project, 1, [STUDY])
        yield project


def yardstick() -> float:
    """CPU seconds of 100,000 small JSON texts that are written and hashed."""
    began = time.process_time()
    for number in range(100_000):
        hashlib.sha256(json.dumps({"value": number, "name": "x" * 50}).encode()).hexdigest()
    return time.process_time() - began


def measured(count: int, profile: str | None) -> None:
    """Print a block of figures."""
    with new_project() as project:
        trials = write_trials(project, count // 6)
        spent = [
            profiled(project, count // 6, f"{profile}.{trials}.{n}" * bool(profile)) for n in (1, 2)
        ]
        names = sorted(spent[0] | spent[1], key=lambda name: max(one[name] for one in spent))
        data = project / "data"
        rows = {
            "trials": [trials],
            "CPU seconds, at first and again": [],
            **{name: [one[name] for one in spent] for name in names},
            "page, s": [page(project)],
            "largest memory, MiB": [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024],
            "report, MiB": [_size(data / "08_reporting" / STUDY)],
            "store, files": [sum(path.is_file() for path in (data / "06_models").rglob("*"))],
            "store, MiB": [_size(data / "06_models")],
            "MLflow's database, MiB": [(project / "mlflow.db").stat().st_size / 2**20],
        }
        for name, values in rows.items():
            print(f"{name:>50} {' '.join(f'{value:10.2f}' for value in values)}")
        print(flush=True)


def profiled(project: Path, seeds: int, profile: str) -> dict[str, float]:
    """Run the study, perhaps with a profile; what `run` returns, and a yardstick."""
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    spent = run(project, seeds, [STUDY])
    if profile:
        profiler.disable()
        profiler.dump_stats(profile)
    return spent | {"yardstick": yardstick()}


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def main() -> None:
    """Print a block for each number of trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=[60, 600, 5000])
    parser.add_argument("--profile")
    arguments = parser.parse_args()
    for count in arguments.trials:
        measured(count, arguments.profile)


if __name__ == "__main__":
    main()
