"""What asking, telling and tracking cost a sweep, beside Optuna's own ask and tell.

    python benchmarks/sweep_engine.py [--history 500] [--configurations 48]
    python benchmarks/sweep_engine.py --growth 100 300 1000

A sweep in the report's space of 17 parameters runs with training that takes no time: first without
history, then with that many told configurations. Every cohort is timed: asking, telling (three
replicate seeds each) and the children in MLflow. The peer is `study.ask()` and `study.tell()` with
the same sampler on a journal file, one configuration after the other, without leases, replicates
and tracking.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from latentlab.search.engine import run_sweep
from latentlab.search.proposals import quiet, suggested
from latentlab.search.settings import SweepSettings
from latentlab.search.storage import SweepStorage
from latentlab.search.suggestion import Result, Suggestion
from latentlab.tracking.outbox import Outbox
from latentlab.tracking.run_tree import RunTree

SEEDS = (1000, 1001, 1002)
NOW = "2026-01-01T00:00:00+00:00"


def settings(configurations: int) -> SweepSettings:
    """The report's space, by TPE from the first configuration on."""
    cnn, context = {"encoder_type": "cnn"}, {"encoder_type": "context"}
    choice = {"type": "categorical"}
    return SweepSettings.model_validate(
        {
            "method": "tpe",
            "configurations": configurations,
            "cohort": 8,
            "startup": 0,
            "parameters": {
                "encoder_type": choice | {"choices": ["cnn", "context"]},
                "lr": {"type": "float", "low": 5.0e-5, "high": 1.0e-2, "log": True},
                "batch_size": choice | {"choices": [8, 16, 32, 64], "ordered": True},
                "weight_decay": {"type": "float", "low": 1.0e-7, "high": 0.1, "log": True},
                "label_smoothing": {"type": "float", "low": 0.0, "high": 0.2},
                "embed_dim": choice | {"choices": [128, 256, 384, 512, 768], "ordered": True},
                "use_scheduler": choice | {"choices": [True, False]},
                "use_cosine": choice | {"choices": [True, False]},
                "temperature": {
                    "type": "float",
                    "low": 5.0,
                    "high": 20.0,
                    "when": {"use_cosine": True},
                },
                "demo_agg": choice | {"choices": ["flatten", "mean"], "when": cnn},
                "width_mult": {"type": "float", "low": 0.5, "high": 3.0, "when": cnn},
                "depth": {"type": "int", "low": 2, "high": 6, "when": cnn},
                "mlp_hidden": choice
                | {"choices": [256, 512, 1024, 2048], "ordered": True, "when": cnn},
                "use_coords": choice | {"choices": [True, False], "when": cnn},
                "ctx_d_model": choice
                | {"choices": [128, 256, 384, 512], "ordered": True, "when": context},
                "ctx_n_head": choice | {"choices": [4, 8, 16], "ordered": True, "when": context},
                "ctx_dropout": {"type": "float", "low": 0.0, "high": 0.3, "when": context},
            },
        }
    )


def told(asked: Sequence[Suggestion], rng: np.random.Generator) -> dict[int, Result]:
    """Scores of chance, on three seeds."""
    found = {}
    for one in asked:
        scores = rng.random(len(SEEDS))
        rows = tuple(
            {
                "seed": seed,
                "trial_id": f"{one.number:08d}{seed:08d}",
                "state": "complete",
                "epochs": 8,
                "seconds": 1.0,
                "accuracy": float(score),
            }
            for seed, score in zip(SEEDS, scores, strict=True)
        )
        found[one.number] = Result("complete", (float(scores.mean()),), rows)
    return found


class Tracked:
    """Writes the trials of a cohort as children of a run."""

    def __init__(self, folder: Path) -> None:
        # After `latentlab.tracking`, as in a run: that switches MLflow's telemetry off.
        import mlflow

        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        mlflow.set_experiment("sweep")
        with mlflow.start_run() as run:
            about = run.info
            outbox = Outbox(mlflow.MlflowClient(), folder, about.experiment_id)
            self._tree = RunTree(outbox, about.run_id, about.experiment_id, "none")

    def write(self, asked: Sequence[Suggestion], results: Mapping[int, Result]) -> None:
        """As the hook does, table by table."""
        rows, scores = [], []
        for one in asked:
            for row in results[one.number].replicates:
                about = {"trial_id": row["trial_id"], "arm": f"c{one.number:03d}"}
                rows.append(
                    about
                    | {
                        "seed": row["seed"],
                        "status": "finished",
                        "outcome": "ok",
                        "plan": "none",
                        "device": "cpu",
                        "reused": False,
                        "started_at": NOW,
                        "finished_at": NOW,
                        "config": pd.Series(one.values).to_json(),
                    }
                )
                scores.append(
                    about | {"split": "validation", "metric": "accuracy", "value": row["accuracy"]}
                )
        self._tree.log_trials("sweep", pd.DataFrame(rows), "none")
        self._tree.log_scores(pd.DataFrame(scores))
        self._tree.log_rest()


def opened(folder: Path, chosen: SweepSettings) -> SweepStorage:
    """The storage of a sweep, a journal file."""
    journal = str(folder / "sweep.journal")
    return SweepStorage(journal, "sweep", chosen.space, ["maximize"], "{}", "benchmark")


def grown(configurations: int, method: str) -> float:
    """CPU seconds of a whole sweep, the first ten configurations of which no score decides."""
    rng = np.random.default_rng(0)
    chosen = settings(configurations).model_copy(update={"method": method, "startup": 10})
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        book = opened(Path(folder), chosen)
        run_sweep(chosen, ["maximize"], book, lambda asked: told(asked, rng))
        return time.process_time() - start


def ours(folder: Path, history: int, configurations: int) -> dict[str, list[float]]:
    """Seconds a configuration of asking, telling and tracking, by cohort."""
    chosen = settings(history + configurations)
    book = opened(folder, chosen)
    rng = np.random.default_rng(0)
    if history:
        past = chosen.model_copy(update={"method": "random", "configurations": history})
        run_sweep(past, ["maximize"], book, lambda asked: told(asked, rng))
    tracked = Tracked(folder)
    seconds: dict[str, list[float]] = {"ask": [], "tell": [], "track": []}
    ended = [time.perf_counter()]

    def train(asked: Sequence[Suggestion]) -> dict[int, Result]:
        seconds["ask"].append((time.perf_counter() - ended[-1]) / len(asked))
        results = told(asked, rng)
        start = time.perf_counter()
        for number, result in results.items():
            book.tell(number, result)
        middle = time.perf_counter()
        tracked.write(asked, results)
        ended.append(time.perf_counter())
        seconds["tell"].append((middle - start) / len(asked))
        seconds["track"].append((ended[-1] - middle) / len(asked))
        return {}

    run_sweep(chosen, ["maximize"], book, train)
    return seconds


def optunas_whole(configurations: int) -> float:
    """CPU seconds of Optuna's ask and tell, as many times, with the same sampler."""
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        optunas(Path(folder), 10, configurations - 10)
    return time.process_time() - start


def optunas(folder: Path, history: int, configurations: int) -> float:
    """Seconds a configuration of Optuna's own ask and tell, the median."""
    chosen = settings(history + configurations)
    rng = np.random.default_rng(0)
    with quiet():
        study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(folder / "optuna.journal"))),
            direction="maximize",
            sampler=optuna.samplers.RandomSampler(seed=0),
        )
        taken = []
        for number in range(history + configurations):
            if number == history:
                study.sampler = optuna.samplers.TPESampler(
                    n_startup_trials=0, multivariate=True, group=True, seed=0
                )
            start = time.perf_counter()
            trial = study.ask()
            suggested(chosen.space, trial)
            study.tell(trial, float(rng.random()))
            if number >= history:
                taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    """Print milliseconds a configuration and a trial, with and without history."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--history", type=int, default=500)
    parser.add_argument("--configurations", type=int, default=48)
    parser.add_argument("--growth", type=int, nargs="+")
    arguments = parser.parse_args()
    for count in arguments.growth or ():
        spent = (grown(count, "random"), grown(count, "tpe"), optunas_whole(count))
        print(
            f"{count} configurations, CPU ms each: random search {1000 * spent[0] / count:.1f}, "
            f"TPE {1000 * spent[1] / count:.1f}, Optuna's TPE {1000 * spent[2] / count:.1f}",
            flush=True,
        )
    if arguments.growth:
        return
    for history, asked in ((0, 30.0), (arguments.history, 80.0)):
        with tempfile.TemporaryDirectory() as folder:
            seconds = ours(Path(folder), history, arguments.configurations)
            peer = optunas(Path(folder), history, arguments.configurations)
        parts = {name: 1000 * statistics.median(values) for name, values in seconds.items()}
        whole = sum(parts.values())
        told_in = ", ".join(f"{name} {value:.1f}" for name, value in parts.items())
        print(
            f"history {history}: {whole:.1f} ms a configuration ({told_in}), "
            f"{whole / len(SEEDS):.1f} ms a trial (at most {asked:.0f} asked); "
            f"Optuna's ask and tell {1000 * peer:.1f} ms: ours x {whole / (1000 * peer):.2f}"
        )


if __name__ == "__main__":
    main()
