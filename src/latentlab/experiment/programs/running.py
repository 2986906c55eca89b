"""One trial of a program, from an empty folder to its place in the store: the job of a worker."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from latentlab.compute.executors.job import Report
from latentlab.core.errors import UserError
from latentlab.core.files import make_folder, unwritable, write_atomically
from latentlab.experiment.programs.command import ARGUMENTS_FILE, search_path
from latentlab.experiment.programs.processes import Ended, run_process
from latentlab.experiment.programs.scores import RUNS, Scores, read_history, read_scores
from latentlab.experiment.programs.settings import WANDB, ProgramSettings
from latentlab.experiment.programs.trial import ProgramTrial
from latentlab.training.store import TrialStore
from latentlab.training.trial_files import TrialRecord, with_printed

RUNNING = "running"
"""The folder of the store in which programs run, one each."""
PRINTED = "printed.txt"
"""File in the program's folder that takes what it prints."""

_WANDB_CONFIG = "wandb_config.yaml"
"""File in the program's folder from which `wandb.init` fills `wandb.config`; JSON is YAML."""

SHOWN_LINES, SHOWN_SIGNS = 5, 500
"""Of what a failed program printed, the last lines and signs are its outcome."""


@dataclass(frozen=True)
class ProgramJob:
    """A trial and where it runs; picklable.

    Attributes:
        trial: what is run.
        directory: in which it runs.
        store: folder of the trials.
        device: such as cuda:1; auto: the worker's own.
        environment: variables that are set for all programs.
        plan: how many run beside each other, in words.
        tried: how often it was run before, in vain.
        tries: how often it may be run in all.
        pause: the epoch at whose end it is stopped, and only its history kept; none: to its end.
    """

    trial: ProgramTrial
    directory: Path
    store: Path
    device: str
    environment: Mapping[str, str]
    plan: str
    tried: int
    tries: int
    pause: int | None = None


class News(TypedDict):
    """What a job tells the driver once its trial has ended: its name, and why where it failed."""

    trial: str
    failure: str


def paused_history(root: Path, trial_id: str) -> Path:
    """Where the history of a trial is kept that was stopped at a rung."""
    return root / "paused" / f"{trial_id}.json"


def run_job(job: ProgramJob, report: Report) -> None:
    """Run a program, as often as it may fail, and keep what became of it.

    Raises:
        UserError: the store cannot be written, or the launcher was killed.
    """
    if job.device == "auto":
        # On a cluster the worker's machine has it, which is asked here; torch takes seconds.
        from latentlab.compute.device import find_device

        job = replace(job, device=str(find_device(job.device, job.trial.precision)))
    # Of its own name: an earlier run that was killed may end its program only now.
    folder = job.store / RUNNING / f"{job.trial.id}.{secrets.token_hex(4)}"
    started, begun = datetime.now(UTC), time.monotonic()
    tries, attempt = job.tried + 1, _attempt(job, folder)
    while attempt.failure and tries < job.tries:
        tries, attempt = tries + 1, _attempt(job, folder)
    if attempt.paused:
        history = {name: values[: job.pause] for name, values in attempt.history.items()}
        path = paused_history(job.store, job.trial.id)
        write_atomically(path, json.dumps(history).encode())
        shutil.rmtree(folder, ignore_errors=True)
    else:
        _keep(job, folder, attempt, tries, started, time.monotonic() - begun)
    report(News(trial=job.trial.id, failure=attempt.failure))


@dataclass(frozen=True)
class _Attempt:
    """What one run of a program came to; `failure` is empty where it ended well."""

    scores: Scores
    history: dict[str, list[float | None]]
    failure: str = ""
    paused: bool = False


def _attempt(job: ProgramJob, folder: Path) -> _Attempt:
    """Run a program once, in an empty folder."""
    program, pause = job.trial.program, job.pause
    call = job.trial.call.placed(str(folder), job.device.partition(":")[0])
    surroundings = _surroundings(folder)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder)
        if call.reads_file:
            (folder / ARGUMENTS_FILE).write_text(json.dumps(call.arguments))
        if WANDB in (program.scores, program.history):
            config = {name: {"value": value} for name, value in call.arguments.items()}
            surroundings["WANDB_SWEEP_PARAM_PATH"] = str(folder / _WANDB_CONFIG)
            (folder / _WANDB_CONFIG).write_text(json.dumps({"wandb_version": 1} | config))
    except OSError as error:
        raise unwritable(folder, error) from error
    ended = run_process(
        call.command,
        job.directory,
        {**os.environ, **surroundings, **job.environment, **call.environment},
        folder / PRINTED,
        program.timeout,
        None if pause is None else lambda: _written_epochs(program, folder) >= pause,
    )
    failure = _failure(ended, program.timeout)
    try:
        history = _history(program, folder)
        if ended.how == "paused":
            return _Attempt({}, history, paused=True)
        scores = {} if failure else read_scores(folder, program.scores)
    except UserError as error:
        return _Attempt({}, {}, f"{failure}; {error.what}" if failure else error.what)
    if failure:
        failure = with_printed(failure, _last_lines(folder))
    return _Attempt(scores, history, failure)


def _failure(ended: Ended, timeout: float | None) -> str:
    """Say how a program failed; empty where its status is 0."""
    if ended.how == "not begun":
        return f"it could not be started ({ended.why})"
    if ended.how == "timeout":
        return f"killed after {timeout:g} s"
    if ended.status is not None and ended.status < 0:
        return f"killed by {signal.Signals(-ended.status).name}"
    return f"exit status {ended.status}" if ended.status and ended.how == "exit" else ""


def _history(program: ProgramSettings, folder: Path) -> dict[str, list[float | None]]:
    return {} if program.history is None else read_history(folder, program.history)


def _written_epochs(program: ProgramSettings, folder: Path) -> int:
    """Return how many epochs a running program has written; none where it cannot be read yet."""
    try:
        return epochs_in(_history(program, folder))
    except UserError:
        return 0


def epochs_in(history: Mapping[str, list[float | None]]) -> int:
    """Return how many epochs a history has."""
    return max(map(len, history.values()), default=0)


def _surroundings(folder: Path) -> dict[str, str]:
    """Variables by which what a program logs stays in its folder, and in order."""
    return {
        "PATH": search_path(),
        "MLFLOW_TRACKING_URI": (folder / RUNS).as_uri(),
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(folder),
        "PYTHONUNBUFFERED": "1",
    }


def _last_lines(folder: Path) -> str:
    if not (folder / PRINTED).is_file():
        # The program removed its own folder.
        return ""
    with (folder / PRINTED).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 8 * SHOWN_SIGNS))
        lines = file.read().decode("utf-8", "replace").splitlines()
    shown = " | ".join(line.strip() for line in lines[-SHOWN_LINES:] if line.strip())
    return shown if len(shown) <= SHOWN_SIGNS else f"..{shown[-SHOWN_SIGNS:]}"


def _keep(
    job: ProgramJob, folder: Path, attempt: _Attempt, tries: int, started: datetime, seconds: float
) -> None:
    """Move a trial into the store, whole."""
    trial, epochs = job.trial, epochs_in(attempt.history)
    program = {
        "command": trial.call.command,
        "environment": trial.call.environment,
        "tries": tries,
        "scores": attempt.scores,
    }
    content = json.dumps(program, indent=1, allow_nan=False).encode()
    record = TrialRecord(
        id=trial.id,
        study=trial.study,
        seed=trial.seed,
        status="failed" if attempt.failure else "finished",
        outcome=attempt.failure or "ok",
        epochs=epochs,
        steps=epochs,
        epoch_steps=1,
        seconds=seconds,
        diverged_at=None,
        best_epoch=None,
        started_at=started.isoformat(timespec="milliseconds"),
        finished_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        device=job.device,
        plan=job.plan,
        cohort=1,
        precision=trial.precision,
        data=trial.data,
        versions={},
        weights_digest=hashlib.sha256(content).hexdigest(),
    )
    config = trial.config.model_dump(mode="json")
    make_folder(folder)
    TrialStore(job.store).take(record, content, config, attempt.history, folder)
    paused_history(job.store, trial.id).unlink(missing_ok=True)
