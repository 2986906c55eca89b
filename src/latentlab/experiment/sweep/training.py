"""Trains the configurations of a sweep: all seeds of a cohort together, by rungs where asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from latentlab.core.errors import UserError
from latentlab.data import Prepared
from latentlab.experiment.planning import trial_table
from latentlab.experiment.scoring import score_trials
from latentlab.experiment.sweep.file import Sweep
from latentlab.search.halving import rungs_of, survivors
from latentlab.search.storage import Asked, Ledger, Told
from latentlab.training.config import TrialConfig
from latentlab.training.runner import Trainer
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial


def configuration_name(number: int) -> str:
    """What a configuration is called where an arm has its name."""
    return f"c{number:03d}"


@dataclass
class SweepTraining:
    """Trains what a sweep asks for, and says what became of it.

    Attributes:
        sweep: settings and objectives.
        prepared: the data.
        store: where trials are kept.
        trainer: holds the store; keeps workers and plan from cohort to cohort.
        ledger: is told the scores at rungs.
        precision: of the training steps.
        device: where scores are computed.
        trained: ids of the trials that were trained by this object; others were known.
    """

    sweep: Sweep
    prepared: Prepared
    store: TrialStore
    trainer: Trainer
    ledger: Ledger
    precision: str
    device: torch.device
    trained: frozenset[str] = frozenset()

    def __call__(self, asked: Sequence[Asked]) -> list[Told]:
        """Train a cohort of configurations on all seeds."""
        told: list[Told] = []
        planned: dict[int, list[Trial]] = {}
        for one in asked:
            try:
                planned[one.number] = self.trials(one)
            except UserError as error:
                told.append(Told(one.number, "failed", note=str(error)))
        halved: dict[int, int] = {}
        if self.sweep.settings.halving is not None:
            halved = self._by_rungs([one for one in asked if one.number in planned], planned)
        whole = [t for number, trials in planned.items() if number not in halved for t in trials]
        self.trained |= self.trainer.train(whole)
        scores = self._scores(whole)
        for number, trials in planned.items():
            if number in halved:
                told.append(self._told_halved(number, trials, halved[number]))
            else:
                told.append(self._told(number, trials, scores))
        return told

    def trials(self, asked: Asked) -> list[Trial]:
        """A configuration with every seed of the sweep.

        Raises:
            UserError: the values do not make a configuration.
        """
        config = self.sweep.config(asked.configuration)
        return self._replicated(config, asked.number)

    def _replicated(self, config: TrialConfig, number: int) -> list[Trial]:
        study = self.sweep.study
        return [
            Trial(
                study=study.name,
                arm=configuration_name(number),
                seed=seed,
                config=config,
                data=self.prepared.fingerprint,
                precision=self.precision,
                method_version=study.method.version,
            )
            for seed in self.sweep.settings.seeds.numbers()
        ]

    def _by_rungs(self, asked: Sequence[Asked], planned: dict[int, list[Trial]]) -> dict[int, int]:
        """Train to each rung and stop the worse configurations there.

        What was decided before a run was killed is decided again by the same scores.

        Returns:
            Numbers of the configurations that were stopped, and the epoch they reached.
        """
        halving = self.sweep.settings.halving
        assert halving is not None
        stopped: dict[int, int] = {}
        left = {one.number: one for one in asked}
        if not left:
            return stopped
        configs = [trials[0].config for trials in planned.values()]
        epochs = min(config.training.epochs for config in configs)
        settled = 0.0 if halving.force else max(config.settles_at() for config in configs)
        name = halving.score or self.sweep.declaration.rung_score
        for rung in rungs_of(halving, asked[0].cohort, epochs):
            if rung < settled:
                continue
            # A killed run has perhaps taken the worse ones out already: its word holds.
            scores = {number: one.rungs[rung] for number, one in left.items() if rung in one.rungs}
            if len(scores) < len(left):
                trials = [t for number in left for t in planned[number]]
                self.trainer.train(trials, pause=rung)
                histories = self.trainer.histories(trials)
                for number in [n for n in left if n not in scores]:
                    reached = [_reached(histories[t.id], name, rung) for t in planned[number]]
                    scores[number] = float(np.mean(reached))
                    self.ledger.report(number, rung, scores[number])
            keep = survivors(scores, halving.factor)
            for number in [n for n in left if n not in keep]:
                self.trainer.abandon(planned[number])
                stopped[number] = rung
                del left[number]
        return stopped

    def _scores(self, trials: Sequence[Trial]) -> pd.DataFrame:
        """Validation scores of the trials; the test split stays closed in a search."""
        if not trials:
            return pd.DataFrame(columns=["trial_id", "metric", "value"])
        unique = list({trial.id: trial for trial in trials}.values())
        table = trial_table(unique, self.store, frozenset())
        return score_trials(
            self.sweep.study, table, self.prepared, self.store, self.device, ("validation",)
        )

    def _told(self, number: int, trials: Sequence[Trial], scores: pd.DataFrame) -> Told:
        names = [objective.name for objective in self.sweep.objectives]
        measured = scores[scores["split"] == "validation"] if len(scores) else scores
        replicates = []
        for trial in trials:
            record = self.store.record(trial.id)
            own = measured[measured["trial_id"] == trial.id].set_index("metric")["value"]
            values = {name: float(own[name]) for name in names if name in own.index}
            complete = record.status != "diverged" and all(
                math.isfinite(values.get(name, math.nan)) for name in names
            )
            replicates.append(
                {
                    "seed": trial.seed,
                    "trial_id": trial.id,
                    "state": "complete" if complete else "diverged",
                    "epochs": record.epochs,
                    "seconds": record.seconds,
                    **(values if complete else {}),
                }
            )
        if any(row["state"] == "diverged" for row in replicates):
            return Told(number, "diverged", replicates=tuple(replicates))
        means = tuple(float(np.mean([row[name] for row in replicates])) for name in names)
        return Told(number, "complete", means, tuple(replicates))

    def _told_halved(self, number: int, trials: Sequence[Trial], rung: int) -> Told:
        rows: list[dict[str, Any]] = [
            {
                "seed": trial.seed,
                "trial_id": trial.id,
                "state": "halved",
                "epochs": rung,
                "seconds": math.nan,
            }
            for trial in trials
        ]
        for row in rows:
            del row["seconds"]
        return Told(number, "halved", replicates=tuple(rows))


def _reached(history: dict[str, list[float | None]], name: str, rung: int) -> float:
    """An epoch score at a rung; the last one before it of a trial that stopped; else infinite."""
    if name not in history:
        known = ", ".join(sorted(history))
        raise UserError(f"halving.score: there is no epoch score '{name}'", f"Use one of: {known}.")
    values = [value for value in history[name][:rung] if value is not None]
    return values[-1] if values else math.inf
