"""A cohort in training on disk: one file, replaced in one step, that knows its own digest."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import safetensors.torch
import torch
from torch import device as Device

from latentlab.compute.plan import ExecutionPlan
from latentlab.core.files import set_aside, write_atomically
from latentlab.training.state import CohortState

logger = logging.getLogger(__name__)

_DIGEST = hashlib.blake2b().digest_size


@dataclass(frozen=True)
class Checkpoint:
    """A cohort's state and who it belongs to.

    Attributes:
        trial_ids: the trials along the leading axis.
        started_at: when the cohort began, UTC in ISO 8601.
        plan: how it is trained; a resumed cohort keeps to it.
        state: what the cohort carries.
        scores: names of the columns of the history.
    """

    trial_ids: tuple[str, ...]
    started_at: str
    plan: ExecutionPlan
    state: CohortState
    scores: tuple[str, ...]

    def history(self) -> list[dict[str, list[float | None]]]:
        """Return scores per epoch by name, of each trial; None where none was taken."""
        return [
            {
                name: [value if math.isfinite(value) else None for value in column]
                for name, column in zip(self.scores, rows.t().tolist(), strict=True)
            }
            for rows in self.state.history
        ]

    def without(self, dropped: Collection[str]) -> Checkpoint | None:
        """Return the checkpoint without some trials; None where nothing is left."""
        keep = [i for i, trial_id in enumerate(self.trial_ids) if trial_id not in dropped]
        if not keep:
            return None
        positions = torch.tensor(keep)
        return replace(
            self,
            trial_ids=tuple(self.trial_ids[i] for i in keep),
            state=self.state.map(lambda tensor: tensor.index_select(0, positions)),
        )


def cohort_name(trial_ids: tuple[str, ...]) -> str:
    """Return the name of a cohort: a digest of its trials."""
    return hashlib.sha256("/".join(trial_ids).encode()).hexdigest()[:16]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; a kill at any moment leaves the old one or the new one.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    meta = {
        "trial_ids": json.dumps(checkpoint.trial_ids),
        "started_at": checkpoint.started_at,
        "plan": json.dumps(asdict(checkpoint.plan)),
        "scores": json.dumps(checkpoint.scores),
        "step": str(checkpoint.state.step),
    }
    state = checkpoint.state.tensors()
    tensors = {name: t.detach().cpu().contiguous() for name, t in state.items()}
    payload = safetensors.torch.save(tensors, metadata=meta)
    write_atomically(path, hashlib.blake2b(payload).digest() + payload)


def load_checkpoint(path: Path, device: Device) -> Checkpoint | None:
    """Read a checkpoint; None for a damaged one, which is set aside with a warning."""
    try:
        content = path.read_bytes()
        digest, payload = content[:_DIGEST], content[_DIGEST:]
        if hashlib.blake2b(payload).digest() != digest:
            raise ValueError("its digest does not fit")
        length = int.from_bytes(payload[:8], "little")
        meta = json.loads(payload[8 : 8 + length])["__metadata__"]
        # Copied, so that they lie in memory as torch itself aligns it.
        tensors = {n: t.clone().to(device) for n, t in safetensors.torch.load(payload).items()}
        return Checkpoint(
            trial_ids=tuple(json.loads(meta["trial_ids"])),
            started_at=meta["started_at"],
            plan=ExecutionPlan(**json.loads(meta["plan"])),
            state=CohortState.from_tensors(int(meta["step"]), tensors),
            scores=tuple(json.loads(meta["scores"])),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        aside = set_aside(path)
        logger.warning("Checkpoint %s is damaged (%s): set aside as %s", path, error, aside.name)
        return None
