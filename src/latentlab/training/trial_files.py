"""The files of one trained trial, what is known of it, and whether it is as it was stored."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from latentlab.core.errors import UserError
from latentlab.core.files import Stamp, stamp

WEIGHTS, CONFIG, HISTORY, RECORD = (
    "weights.safetensors",
    "config.json",
    "history.json",
    "record.json",
)
PROGRAM, OUTPUT = "program.json", "output"
"""In place of weights, where a trial is a program: what was run and its scores; its folder."""
DIGESTS = "digests.json"
"""Written since the second edition; an older trial has the digest of its weights alone."""
_ENDED = re.compile(r"(exit status \d+|killed after \S+ s|killed by \w+): ")


@dataclass(frozen=True)
class TrialRecord:
    """What is known of a trained trial beside its weights.

    Attributes:
        id: the trial's name.
        study: its study.
        seed: its seed.
        status: `finished`, `stopped` (early), `diverged` or, of a program, `failed`.
        outcome: the study's own label, of a program how it failed; `ok` where there is nothing to
            say.
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
        versions: of the packages that computed it, and digests of its method's modules.
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


def with_printed(failure: str, printed: str) -> str:
    """Return the outcome of a program that failed: how, and what it printed in the end.

    Args:
        failure: its exit status, or what killed it and when.
        printed: may be empty.
    """
    return f"{failure}: {printed}" if printed else failure


def without_printed(outcome: str) -> str:
    """Return how a program failed, without what `with_printed` added; other outcomes as they are.

    >>> without_printed("exit status 1: ValueError: no"), without_printed("a.json: b is no number")
    ('exit status 1', 'a.json: b is no number')
    """
    ended = _ENDED.match(outcome)
    return ended[1] if ended else outcome


def outcome_file(folder: Path) -> Path:
    """Return the file of a trial that its scores come from: weights, or what a program wrote."""
    program = folder / PROGRAM
    return program if program.exists() else folder / WEIGHTS


def written_scores(folder: Path) -> dict[str, dict[str, float]]:
    """Return the scores that the program of a stored trial has written, by split and metric."""
    content = json.loads((folder / PROGRAM).read_bytes())
    scores: dict[str, dict[str, float]] = content["scores"]
    return scores


def lost(status: str) -> bool:
    """Say whether a trial of this status came to nothing that could be measured."""
    return status in ("diverged", "failed")


def require_whole(folder: Path) -> None:
    """Refuse a stored trial that is not as it was stored.

    Raises:
        UserError: names the file.
    """
    damaged = damaged_file(folder)
    if damaged is not None:
        raise UserError(
            f"{folder / damaged} is missing or damaged",
            "Run the stage `training` of the study, or `search` of its sweep, and those after it: "
            "this trial is then trained again.",
        )


def damaged_file(folder: Path) -> str | None:
    """Return the name of a file of a trial that is not as it was stored; None for a whole trial.

    A file that did not change since it was looked at is not read again.
    """
    return _damaged_file(
        folder,
        stamp(folder / name for name in (WEIGHTS, PROGRAM, CONFIG, HISTORY, RECORD, DIGESTS)),
    )


@functools.lru_cache(maxsize=1 << 18)
def _damaged_file(folder: Path, _: Stamp) -> str | None:
    name = DIGESTS
    try:
        older = not (folder / DIGESTS).exists()
        if older:
            name = RECORD
            record = TrialRecord(**json.loads((folder / RECORD).read_bytes()))
            digests = {WEIGHTS: record.weights_digest}
        else:
            digests = json.loads((folder / DIGESTS).read_bytes())
        outcome = outcome_file(folder).name
        for name in (outcome, CONFIG, HISTORY, RECORD):
            content = (folder / name).read_bytes()
            checked = name == outcome or not older
            if checked and hashlib.sha256(content).hexdigest() != digests[name]:
                return name
            if name != WEIGHTS:
                json.loads(content)
    except (OSError, ValueError, TypeError, KeyError):
        return name
    return None
