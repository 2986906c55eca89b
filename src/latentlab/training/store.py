"""Trials on disk, each under its own id, written whole or not at all.

```
<root>/trials/<id>/weights.safetensors   parameters; the method state under `state.`
                   config.json           the resolved configuration
                   history.json          scores per epoch
                   record.json           status, seed, times, versions, digest of the weights
                   digests.json          sha256 of these four
                   program.json, output/ of a program, in place of weights: its scores, its folder
                   scores.json           what was measured of it since, and pictures.npz
<root>/checkpoints/<name>.checkpoint     cohorts in training
<root>/jobs/                             what runs, waits or was left with a cluster
<root>/running/<id>, paused/             programs that run, and those that were stopped at a rung
<root>/timings.json                      steps of the arms, timed side by side
<root>/baselines/<stream>.json           scores of what is not trained here, by seed and data
<root>/registration.yml                  what was to decide the verdicts, and every look
```
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from latentlab.compute.executors.notes import read_notes
from latentlab.core.errors import UserError
from latentlab.core.files import (
    atomic_folder,
    make_folder,
    remove_partials,
    set_aside,
    sync,
    sync_folder,
    unwritable,
)
from latentlab.training.trial_files import (
    CONFIG,
    DIGESTS,
    HISTORY,
    OUTPUT,
    PROGRAM,
    RECORD,
    WEIGHTS,
    TrialRecord,
    damaged_file,
)

logger = logging.getLogger(__name__)

IN_WRITING = 600.0
"""Seconds that a job on another machine may take to write a file."""


class TrialStore:
    """The trained trials of one study, and the cohorts in training.

    Args:
        root: a folder of its own, such as `data/06_models/derp_vae`.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self.trials = self.root / "trials"
        self.checkpoints = self.root / "checkpoints"
        self.jobs = self.root / "jobs"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the store, for a run and again for a part of it.

        Raises:
            UserError: a second run holds it, or the folder cannot be written.
        """
        # One lock a process and thread: what holds it may take it again.
        lock = FileLock(self.root.absolute() / ".lock", is_singleton=True)
        held = lock.is_locked
        try:
            make_folder(self.trials)
            make_folder(self.checkpoints)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UserError(
                f"Another run is training in {self.root}", "Wait for it to end, or stop it."
            ) from error
        except OSError as error:
            raise unwritable(self.root, error) from error
        try:
            if not held:
                # Nobody else writes here now, but jobs that a driver left elsewhere.
                age = IN_WRITING if read_notes(self.jobs) else 0.0
                remove_partials(self.root, older_than=age, deep=True)
            yield
        finally:
            lock.release()

    def checkpoint(self, name: str) -> Path:
        """Return the file of a cohort in training."""
        return self.checkpoints / f"{name}.checkpoint"

    def folder(self, trial_id: str) -> Path:
        """Return the folder of a trial."""
        return self.trials / trial_id

    def knows(self, trial_id: str) -> bool:
        """Return whether a trial is stored; a damaged one is set aside with a warning."""
        folder = self.folder(trial_id)
        if not folder.exists():
            return False
        damaged = damaged_file(folder)
        if damaged is not None:
            aside = set_aside(folder)
            logger.warning(
                "Trial %s is damaged (%s): set aside as %s, trained again",
                trial_id,
                damaged,
                aside,
            )
        return damaged is None

    def whole(self) -> list[Path]:
        """Return the folders of the trials that are stored and as they were stored."""
        folders = sorted(self.trials.glob("*/")) if self.trials.exists() else []
        return [folder for folder in folders if damaged_file(folder) is None]

    def record(self, trial_id: str) -> TrialRecord:
        """Return what is known of a trained trial."""
        return TrialRecord(**json.loads((self.folder(trial_id) / RECORD).read_text()))

    def history(self, trial_id: str) -> dict[str, list[float | None]]:
        """Return scores per epoch, by name; None where none was taken."""
        history: dict[str, list[float | None]] = json.loads(
            (self.folder(trial_id) / HISTORY).read_text()
        )
        return history

    def weights(self, trial_id: str) -> dict[str, Any]:
        """Return parameters by name, and the method state under `state.`, as torch tensors."""
        from safetensors.torch import load_file

        tensors: dict[str, Any] = load_file(self.folder(trial_id) / WEIGHTS)
        return tensors

    def remove(self, trial_id: str) -> None:
        """Forget a trial, so that it is trained again."""
        shutil.rmtree(self.folder(trial_id), ignore_errors=True)

    def save(
        self,
        record: TrialRecord,
        weights: bytes,
        config: Mapping[str, Any],
        history: Mapping[str, list[float | None]],
    ) -> None:
        """Write a trial in one step: a killed run leaves it whole or not at all.

        Args:
            record: with the digest of `weights`.
            weights: a safetensors file.
            config: the resolved configuration.
            history: scores per epoch.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        with self._filling(record, {WEIGHTS: weights}, config, history):
            pass

    def take(
        self,
        record: TrialRecord,
        program: bytes,
        config: Mapping[str, Any],
        history: Mapping[str, list[float | None]],
        output: Path,
    ) -> None:
        """Write the trial of a program, as `save`, and move the folder it wrote to into it.

        Args:
            record: with the digest of `program`.
            program: JSON: what was run, and its scores.
            config: the arm's settings.
            history: scores per epoch.
            output: the folder, on the store's disk.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        with self._filling(record, {PROGRAM: program}, config, history) as partial:
            output.rename(partial / OUTPUT)
        folder = self.folder(record.id)
        # What the program wrote is its own to flush: there may be much of it, and dead links.
        for path in (*filter(Path.is_file, folder.iterdir()), folder, self.trials):
            sync(path)

    @contextlib.contextmanager
    def _filling(
        self,
        record: TrialRecord,
        outcome: Mapping[str, bytes],
        config: Mapping[str, Any],
        history: Mapping[str, list[float | None]],
    ) -> Iterator[Path]:
        """Give a trial's folder with its files, which takes its place when the block ends well."""
        files = dict(outcome) | {
            name: json.dumps(content, indent=1, allow_nan=False).encode()
            for name, content in ((CONFIG, config), (HISTORY, history), (RECORD, vars(record)))
        }
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        files[DIGESTS] = json.dumps(digests, indent=1).encode()
        with atomic_folder(self.folder(record.id), marker=RECORD, flush=False) as partial:
            for name, content in files.items():
                (partial / name).write_bytes(content)
            yield partial

    def flush(self, trial_ids: Iterable[str]) -> None:
        """Wait until the disk has these trials: before what they were made of is removed.

        Raises:
            UserError: the disk is full or damaged.
        """
        try:
            for trial_id in trial_ids:
                sync_folder(self.folder(trial_id))
            sync(self.trials)
        except OSError as error:
            raise unwritable(self.trials, error) from error
