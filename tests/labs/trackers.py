"""One table of runs as the files and folders of the tools that people keep runs with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import optuna
import pandas as pd
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

ARMS = {"baseline": 0.0, "wide": 0.03, "deep": 0.002}


def table(seeds: int = 6) -> pd.DataFrame:
    """Runs of three arms with the same seeds, and what scripts log beside scores."""
    draws = np.random.default_rng(3)
    rows = [
        {
            "run": f"{arm}-{seed}",
            "model": arm,
            "seed": seed,
            "lr": 0.001,
            "test_acc": 0.8 + effect + 0.01 * draws.normal() + 0.02 * np.sin(seed),
            "train_loss": abs(draws.normal()),
        }
        for arm, effect in ARMS.items()
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def csv(runs: pd.DataFrame, folder: Path) -> str:
    runs.to_csv(folder / "runs.csv", index=False)
    return "runs.csv"


def parquet(runs: pd.DataFrame, folder: Path) -> str:
    runs.to_parquet(folder / "runs.parquet")
    return "runs.parquet"


def json_list(runs: pd.DataFrame, folder: Path) -> str:
    """Nested, as scripts dump them."""
    (folder / "runs.json").write_text(json.dumps(_nested(runs)))
    return "runs.json"


def json_lines(runs: pd.DataFrame, folder: Path) -> str:
    (folder / "runs.jsonl").write_text("\n".join(map(json.dumps, _nested(runs))))
    return "runs.jsonl"


def long(runs: pd.DataFrame, folder: Path) -> str:
    """A row a value."""
    keys = ["run", "model", "seed", "lr"]
    runs.melt(keys, var_name="metric").to_csv(folder / "long.csv", index=False)
    return "long.csv"


def wandb_table(runs: pd.DataFrame, folder: Path) -> str:
    """The CSV of W&B's page."""
    head = {"Name": runs["run"], "State": "finished", "Notes": "-", "User": "me", "Tags": ""}
    head |= {"Created": "2026-01-01T00:00:00.000Z", "Runtime": 12, "Sweep": ""}
    columns = {**head, **runs[["lr", "model", "seed"]], **runs[["test_acc", "train_loss"]]}
    pd.DataFrame(columns).to_csv(folder / "wandb.csv", index=False)
    return "wandb.csv"


def wandb_folder(runs: pd.DataFrame, folder: Path) -> str:
    """What `wandb.init(config=..)` and `wandb.log(..)` leave on the disk, some offline."""
    for k, row in enumerate(runs.to_dict("records")):
        kind = "offline-run" if k % 2 else "run"
        files = folder / "wandb" / f"{kind}-20260101_0000{k:02d}-{k:08x}" / "files"
        files.mkdir(parents=True)
        config = {name: {"value": row[name]} for name in ("lr", "model", "seed")}
        internal = {"_wandb": {"value": {"python_version": "3.12", "t": {"1": [5, 53]}}}}
        (files / "config.yaml").write_text(yaml.safe_dump({**internal, **config}))
        logged = {name: row[name] for name in ("test_acc", "train_loss")}
        times = {"_timestamp": 1767225600.0 + k, "_runtime": 12.5, "_step": 9}
        (files / "wandb-summary.json").write_text(
            json.dumps({**logged, **times, "_wandb": {"runtime": 12}})
        )
    return "wandb"


def hydra(runs: pd.DataFrame, folder: Path) -> str:
    """`python train.py -m model=baseline,wide,deep seed=range(6)`, with a group `model`."""
    widths = {"baseline": 8, "wide": 64, "deep": 8}
    for k, row in enumerate(runs.to_dict("records")):
        job = folder / "multirun/2026-01-01/12-00-00" / str(k)
        (job / ".hydra").mkdir(parents=True)
        model = {"width": widths[row["model"]], "depth": 3 if row["model"] == "deep" else 1}
        config = {"model": model, "seed": row["seed"], "lr": row["lr"]}
        (job / ".hydra/config.yaml").write_text(yaml.safe_dump(config))
        chosen = [f"model={row['model']}", f"seed={row['seed']}"]
        (job / ".hydra/overrides.yaml").write_text(yaml.safe_dump(chosen))
        scores = {"test": {"acc": row["test_acc"]}, "train": {"loss": row["train_loss"]}}
        (job / "scores.json").write_text(json.dumps(scores))
    return "multirun"


def journal(runs: pd.DataFrame, folder: Path) -> str:
    """An Optuna study of one objective."""
    storage = JournalStorage(JournalFileBackend(str(folder / "study.log")))
    study = optuna.create_study(study_name="mine", storage=storage, direction="maximize")
    model = optuna.distributions.CategoricalDistribution(list(ARMS))
    seed = optuna.distributions.IntDistribution(0, 100)
    for row in runs.itertuples():
        study.add_trial(
            optuna.trial.create_trial(
                params={"model": row.model, "seed": row.seed},
                distributions={"model": model, "seed": seed},
                value=row.test_acc,
            )
        )
    return "study.log"


def mlflow_store(runs: pd.DataFrame, address: str) -> None:
    """An experiment `mine` in a store."""
    client = mlflow.MlflowClient(address)
    experiment = client.create_experiment("mine")
    for k, row in enumerate(runs.to_dict("records")):
        run = client.create_run(experiment, start_time=1767225600000 + k).info.run_id
        for name in ("model", "lr", "seed"):
            client.log_param(run, name, row[name])
        for name in ("test_acc", "train_loss"):
            client.log_metric(run, name, row[name])
        client.set_terminated(run)


def _nested(runs: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "run": row["run"],
            "config": {"model": row["model"], "seed": row["seed"], "lr": row["lr"]},
            "test": {"acc": row["test_acc"]},
            "train": {"loss": row["train_loss"]},
        }
        for row in runs.to_dict("records")
    ]


WRITERS: dict[str, Callable[[pd.DataFrame, Path], str]] = {
    "csv": csv,
    "parquet": parquet,
    "json": json_list,
    "jsonl": json_lines,
    "long": long,
    "wandb_table": wandb_table,
    "wandb": wandb_folder,
    "hydra": hydra,
    "optuna": journal,
}
"""Each writes into a folder, and returns the source as it is given there."""
