"""Trials on disk, each under its own id, written whole or not at all.

```
<root>/trials/<id>/weights.safetensors   parameters; the method state under `state.`
                   config.json           the resolved configuration
                   history.json          scores per epoch
                   record.json           status, seed, times, versions, digest of the weights
                   scores.json           what was measured of it since, and pictures.npz
<root>/checkpoints/<name>.checkpoint     cohorts in training
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
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from latentlab.core.errors import UserError
from latentlab.core.files import atomic_folder, remove_partials, unwritable

logger = logging.getLogger(__name__)

WEIGHTS, CONFIG, HISTORY, RECORD = (
    "weights.safetensors",
    "config.json",
    "history.json",
    "record.json",
)


@dataclass(frozen=True)
class TrialRecord:
    """What is known of a trained trial beside its weights.

    Attributes:
        id: the trial's name.
        study: its study.
        seed: its seed.
        status: `finished`, `stopped` (early) or `diverged`.
        outcome: the study's own label, `ok` where there is nothing to say.
        epochs: epochs in which it took a step, the last one perhaps not to its end.
        steps: steps that were taken.
        epoch_steps: steps of a whole epoch.
        seconds: training time; in a cohort a share of the cohort's time.
        diverged_at: the step whose loss or gradient was not finite, or None.
        best_epoch: epoch of the best watched score, or None.
        started_at: when training began, UTC in ISO 8601.
        finished_at: when it ended.
        device: where it was trained.
        plan: how it was trained, such as `cohort 60, 1 process, 2 threads`.
        cohort: trials in its cohort when it ended.
        precision: arithmetic of its steps.
        data: fingerprint of its data.
        versions: of the packages that computed it.
        weights_digest: sha256 of the weights file.
    """

    id: str
    study: str
    seed: int
    status: str
    outcome: str
    epochs: int
    steps: int
    epoch_steps: int
    seconds: float
    diverged_at: int | None
    best_epoch: int | None
    started_at: str
    finished_at: str
    device: str
    plan: str
    cohort: int
    precision: str
    data: str
    versions: dict[str, str]
    weights_digest: str


class TrialStore:
    """The trained trials of one study, and the cohorts in training.

    Args:
        root: a folder of its own, such as `data/06_models/derp_vae`.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self.trials = self.root / "trials"
        self.checkpoints = self.root / "checkpoints"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the store for training.

        Raises:
            UserError: a second run holds it, or the folder cannot be written.
        """
        lock = FileLock(self.root / ".lock")
        try:
            self.trials.mkdir(parents=True, exist_ok=True)
            self.checkpoints.mkdir(exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UserError(
                f"Another run is training in {self.root}", "Wait for it to end, or stop it."
            ) from error
        except OSError as error:
            raise unwritable(self.root, error) from error
        try:
            # The lock says that nobody else writes here.
            for folder in (self.trials, self.checkpoints):
                remove_partials(folder, older_than=0.0)
            yield
        finally:
            lock.release()

    def folder(self, trial_id: str) -> Path:
        """Return the folder of a trial."""
        return self.trials / trial_id

    def knows(self, trial_id: str) -> bool:
        """Return whether a trial is stored; a damaged one is set aside with a warning."""
        folder = self.folder(trial_id)
        if not folder.exists():
            return False
        try:
            digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
            whole = self.record(trial_id).weights_digest == digest
            json.loads((folder / HISTORY).read_text())
            json.loads((folder / CONFIG).read_text())
        except (OSError, ValueError, TypeError):
            whole = False
        if not whole:
            aside = set_aside(folder)
            logger.warning("Trial %s is damaged: set aside as %s, trained again", trial_id, aside)
        return whole

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
        # `knows` finds a torn trial by its digest: no need to wait for the disk.
        with atomic_folder(self.folder(record.id), marker=RECORD, flush=False) as partial:
            (partial / WEIGHTS).write_bytes(weights)
            for name, content in ((CONFIG, config), (HISTORY, history), (RECORD, vars(record))):
                (partial / name).write_text(json.dumps(content, indent=1, allow_nan=False))


def set_aside(path: Path) -> Path:
    """Rename something damaged to a free name beside it."""
    aside = path.with_name(f"{path.name}.damaged-{secrets.token_hex(3)}")
    path.rename(aside)
    return aside
