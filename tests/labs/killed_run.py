"""A training run in a process of its own, to be killed; what it did survives it in a log."""

import os
import time
from pathlib import Path

from labs.trainer import train_trials, trial
from labs.warm_processes import CONTEXT
from latentlab.compute import ComputeConfig
from latentlab.core.errors import UserError
from latentlab.data import load_prepared
from latentlab.studies.derp_vae.method import METHOD
from latentlab.training import loop
from latentlab.training.cohort import Cohort
from latentlab.training.store import TrialStore

INTERVAL = 0.1
ARMS = {"standard": {}, "beta": {"objective": {"beta": 0.1}}}


def planned(folder, epochs):
    data = load_prepared(folder)
    return [
        trial(data, seed, arm, training={"epochs": epochs}, **changes)
        for seed in range(4)
        for arm, changes in ARMS.items()
    ]


def run(folder, root, engine, epochs, log):
    """Train eight trials in cohorts of two; a `UserError` is left beside the log."""
    loop.CHECKPOINT_SHARE = 1e9
    _log_steps(log)
    compute = ComputeConfig(
        engine=engine, workers=2, cohort=2, threads=1, compile=False, checkpoint_seconds=INTERVAL
    )
    try:
        train_trials(METHOD, planned(folder, epochs), folder, TrialStore(root), compute)
    except UserError as error:
        Path(log).with_suffix(".error").write_text(str(error))
        raise SystemExit(1) from error


def _log_steps(log):
    """Note each step before it is taken: cohort, step and time, in one write each."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    advance = Cohort.advance

    def logged(self, *most):
        ids = ",".join(one.id for one in self.trials)
        os.write(out, f"{ids} {self.state.step} {time.time()}\n".encode())
        return advance(self, *most)

    Cohort.advance = logged


def start(*arguments):
    """The run as a process; a server that has torch loaded forks it."""
    process = CONTEXT.Process(target=run, args=arguments)
    process.start()
    return process
