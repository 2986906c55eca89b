"""One random search as five programs export it: configuration, results, and all that is neither."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 24
PARAMETERS = ["depth", "dropout", "lr", "max_depth"]
SEEDED = 3


def runs(seed: int = 0) -> pd.DataFrame:
    """Eight configurations on three seeds each, with a score that depends on the rate alone."""
    rng = np.random.default_rng(seed)
    count = ROWS // SEEDED
    frame = pd.DataFrame(
        {
            "depth": rng.integers(1, 4, count),
            "dropout": rng.choice([0.0, 0.1, 0.3], count),
            "lr": np.round(10 ** rng.uniform(-4, -1, count), 8),
            "max_depth": np.resize(["None", "2", "8"], count),
        }
    ).loc[np.repeat(np.arange(count), SEEDED)]
    frame["seed"] = np.tile(np.arange(SEEDED), count)
    frame["val_acc"] = np.round(0.7 + 0.05 * np.log10(frame["lr"]) + rng.normal(0, 0.01, ROWS), 4)
    return frame.reset_index(drop=True)


def times(minutes: int) -> list[str]:
    """A later time for each run."""
    start = pd.Timestamp("2026-10-01 10:00:00")
    return [str(start + pd.Timedelta(minutes=minutes * k)) for k in range(ROWS)]


def hashes() -> list[str]:
    """A name of 32 hexadecimal digits for each run."""
    return [np.random.default_rng(k).bytes(16).hex() for k in range(ROWS)]


def results(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """What a training script logs beside the score that counts."""
    rng = np.random.default_rng(1)
    return {
        "accuracy_cat": frame["val_acc"] - np.round(rng.uniform(0, 0.1, ROWS), 2),
        "best_epoch": pd.Series(rng.integers(3, 20, ROWS)),
        "train_loss": 1 - frame["val_acc"] - 0.1,
        "val_loss": 1.2 - frame["val_acc"],
    }


def wandb_export(path: Path) -> None:
    """The table of runs of a W&B project: its own columns, configuration, results, each sorted."""
    frame = runs()
    head = {
        "Name": [f"brisk-otter-{k}" for k in range(ROWS)],
        "State": "finished",
        "Notes": "-",
        "User": "ada",
        "Tags": "",
        "Created": times(7),
        "Runtime": np.arange(ROWS) % 20 + 300,
        "Sweep": "1wfhjnkh",
    }
    found = {**results(frame), "zeta": np.arange(ROWS) % 5, "val_acc": frame["val_acc"]}
    config = frame.drop(columns="val_acc")
    table = pd.DataFrame(head).join(config).join(pd.DataFrame(dict(sorted(found.items()))))
    # Of `zeta` only its place shows that it is a result.
    table.to_csv(path, index=False, quoting=1)


def mlflow_export(path: Path) -> None:
    """What the button of MLflow's page of an experiment downloads."""
    frame = runs()
    head = {
        "Start Time": times(7),
        "Duration": [f"{k % 5 + 1}.{k % 10}min" for k in range(ROWS)],
        "Run ID": hashes(),
        "Name": [f"nosy-mule-{k}" for k in range(ROWS)],
        "Source Type": "LOCAL",
        "Source Name": "train.py",
        "User": "ada",
        "Status": "FINISHED",
    }
    found = {**results(frame), "gain": -frame["val_acc"], "val_acc": frame["val_acc"]}
    config = frame.drop(columns="val_acc")
    table = pd.DataFrame(head).join(config).join(pd.DataFrame(dict(sorted(found.items()))))
    # The page keeps spreadsheets from running cells, negative numbers among them.
    guarded = table.astype(str).map(lambda cell: f"'{cell}" if cell[:1] in "=+-@" else cell)
    guarded.to_csv(path, index=False, quoting=1)


def optuna_export(path: Path) -> None:
    """`study.trials_dataframe().to_csv(..)`."""
    frame = runs()
    config = frame.drop(columns="val_acc").add_prefix("params_")
    head = {
        "number": np.arange(ROWS),
        "value": frame["val_acc"],
        "datetime_start": times(7),
        "datetime_complete": times(8),
        "duration": [f"0 days 00:0{k % 7}:12.5" for k in range(ROWS)],
    }
    table = pd.DataFrame(head).join(config).assign(user_attrs_host="a", state="COMPLETE")
    table.to_csv(path)


def pandas_export(path: Path) -> None:
    """A table of a script, with its index, a counter, a commit and what was measured."""
    frame = runs()
    table = frame.assign(trial=np.arange(ROWS), git_sha=[name[:7] for name in hashes()])
    table.assign(**results(frame), wall_time=np.arange(ROWS) * 1.37).to_csv(path)


def excel_export(path: Path) -> None:
    """Saved by a spreadsheet of another country: semicolons, decimal commas, a byte order mark."""
    frame = runs()
    table = frame.assign(Nr=[f"run {k}" for k in range(ROWS)], **results(frame))
    lines = table.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n")
    empty = ";" * (table.shape[1] - 1) + "\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + (lines + 2 * empty).encode())


EXPORTS = {
    "wandb": wandb_export,
    "mlflow": mlflow_export,
    "optuna": optuna_export,
    "pandas": pandas_export,
    "excel": excel_export,
}
