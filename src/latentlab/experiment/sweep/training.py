"""Trains the configurations of a sweep: all seeds of a cohort together, by rungs where asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from latentlab.compute.config import ComputeConfig
from latentlab.core.errors import UserError, noting, together
from latentlab.core.validation import nearest
from latentlab.experiment.planning import trial_table, whole_batches
from latentlab.experiment.scoring import score_trials
from latentlab.experiment.sweep.configurations import extremes
from latentlab.experiment.sweep.file import Sweep
from latentlab.search.halving import rungs_of, survivors
from latentlab.search.settings import Halving
from latentlab.search.storage import SweepStorage
from latentlab.search.suggestion import Result, Suggestion
from latentlab.training.config import TrialConfig
from latentlab.training.data import StudyData
from latentlab.training.groups import open_group
from latentlab.training.store import TrialStore
from latentlab.training.trains import Trains
from latentlab.training.trial import Trial
from latentlab.training.trial_files import TrialRecord, lost


def configuration_name(number: int) -> str:
    """Return the name of a configuration where an arm has its own."""
    return f"c{number:03d}"


@dataclass
class SweepTraining:
    """Trains the configurations that a sweep suggests, and returns their results.

    Attributes:
        sweep: settings and objectives.
        made_from: the prepared data, or the program.
        store: where trials are kept.
        trainer: holds the store; keeps workers and plan from cohort to cohort.
        storage: is told the scores at rungs.
        compute: precision of the training steps, and whose workers score.
        device: where scores are computed.
        trained: ids of the trials that were trained by this object; others were known.
    """

    sweep: Sweep
    made_from: Any
    store: TrialStore
    trainer: Trains
    storage: SweepStorage
    compute: ComputeConfig
    device: torch.device
    trained: frozenset[str] = frozenset()

    def __call__(self, suggestions: Sequence[Suggestion]) -> dict[int, Result]:
        """Train a cohort of configurations on all seeds; their results by number."""
        results: dict[int, Result] = {}
        planned: dict[int, list[Trial]] = {}
        for suggestion in suggestions:
            try:
                planned[suggestion.number] = self.trials(suggestion)
            except UserError as error:
                results[suggestion.number] = Result("failed", note=str(error))
        pruned: dict[int, int] = {}
        if self.sweep.settings.halving is not None:
            pruned = self._by_rungs([s for s in suggestions if s.number in planned], planned)
        whole = [t for number, trials in planned.items() if number not in pruned for t in trials]
        self.trained |= self.trainer.train(whole)
        scores = self._scores(whole)
        for number, trials in planned.items():
            if number in pruned:
                results[number] = _pruned(trials, pruned[number])
            else:
                results[number] = self._result(trials, scores)
        return results

    def refuse_untrainable(self) -> None:
        """Refuse what would be found in the middle of the search only.

        Raises:
            UserError: a configuration has fewer examples than a batch, or the loss has no term
                that `halving.score` names.
        """
        if self.sweep.study.runs_programs:
            return
        mistakes: list[UserError] = []
        ends = extremes(self.sweep.settings.space, self.sweep.config).configs
        # Most ends have the middle's batch.
        sizes = {config.training.batch_size: config for config in ends.values()}
        for config in sizes.values():
            with noting(mistakes):
                whole_batches(self.made_from, self._replicated(config, 0)[0])
        halving = self.sweep.settings.halving
        if halving is not None and halving.score is not None and "" in ends and not mistakes:
            data = StudyData.of(self.made_from, self.device)
            first = self._replicated(ends[""], 0)[:1]
            scores = open_group(self.sweep.study.method, first, data, self.device).scores
            known = [score for score in scores if score.startswith(("train_", "validation_"))]
            if halving.score not in known:
                what = f"halving.score: there is no epoch score '{halving.score}'"
                mistakes.append(UserError(what, nearest(halving.score, known)))
        if mistakes:
            found = together(mistakes)
            raise UserError(f"The sweep {self.sweep.name}: {found.what}", found.remedy)

    def check(self, suggestions: Sequence[Suggestion]) -> None:
        """Compare what a record says of configurations with the trials that these make.

        A digit that a damaged disk changed in a value or a score is found like this.

        Raises:
            UserError: they are not the same.
        """
        for one in suggestions:
            if one.result is None or not one.result.replicates:
                continue
            rows = one.result.replicates
            same = [row["trial_id"] for row in rows] == [trial.id for trial in self.trials(one)]
            if one.result.state == "complete":
                same = same and one.result.objectives == self._means(rows)
            if not same:
                raise UserError(
                    f"The record of the sweep {self.sweep.name} does not fit its configuration "
                    f"{one.number}: it is damaged, or of another version or precision of training",
                    "Undo what was changed, or set `sweeps.restart=true` to begin again: trained "
                    "trials are kept either way.",
                )

    def _means(self, replicates: Sequence[Mapping[str, Any]]) -> tuple[float, ...]:
        """Return the mean of every objective over a configuration's seeds."""
        names = [objective.name for objective in self.sweep.objectives]
        return tuple(float(np.mean([row[name] for row in replicates])) for name in names)

    def trials(self, suggestion: Suggestion) -> list[Trial]:
        """Return a configuration with every seed of the sweep.

        Raises:
            UserError: the values do not make a configuration.
        """
        configuration = self.sweep.settings.space.configuration(suggestion.values)
        return self._replicated(self.sweep.config(configuration), suggestion.number)

    def _replicated(self, config: TrialConfig, number: int) -> list[Trial]:
        arm = configuration_name(number)
        return [
            self.sweep.trial(arm, seed, config, self.made_from, self.compute.precision)
            for seed in self.sweep.settings.seeds.numbers()
        ]

    def _by_rungs(
        self, suggestions: Sequence[Suggestion], planned: dict[int, list[Trial]]
    ) -> dict[int, int]:
        """Train to each rung and stop the worse configurations there.

        What was decided before a run was killed is decided again by the same scores.

        Returns:
            Numbers of the configurations that were stopped, and the epoch they reached.
        """
        halving = self.sweep.settings.halving
        assert halving is not None
        stopped: dict[int, int] = {}
        left = {suggestion.number: suggestion for suggestion in suggestions}
        if not left:
            return stopped
        configs = [trials[0].config for trials in planned.values()]
        lengths = [self.sweep.declaration.epochs_of(config) for config in configs]
        epochs = min(length or 0 for length in lengths)
        warmed_up = 0.0 if halving.force else max(config.warmup_end_epoch() for config in configs)
        name, sign = self._rung_score(halving)
        for rung in rungs_of(halving, suggestions[0].cohort, epochs):
            if rung < warmed_up:
                continue
            # If an earlier run recorded the rung's scores, they are reused.
            scores = {number: one.rungs[rung] for number, one in left.items() if rung in one.rungs}
            if len(scores) < len(left):
                trials = [t for number in left for t in planned[number]]
                self.trainer.train(trials, pause=rung)
                histories = self.trainer.histories(trials)
                for number in [n for n in left if n not in scores]:
                    reached = [_reached(histories[t.id], name, rung, sign) for t in planned[number]]
                    scores[number] = float(np.mean(reached))
                    self.storage.report(number, rung, scores[number])
            keep = survivors(scores, halving.factor)
            for number in [n for n in left if n not in keep]:
                self.trainer.abandon(planned[number])
                stopped[number] = rung
                del left[number]
        return stopped

    def _rung_score(self, halving: Halving) -> tuple[str, float]:
        """Return the epoch score that decides at rungs, and 1 where less of it is better, else -1.

        A program's history holds scores by the names of its metrics.
        """
        declaration = self.sweep.declaration
        if not self.sweep.study.runs_programs:
            return halving.score or declaration.rung_score, 1.0
        name = halving.score or self.sweep.objectives[0].name
        direction = {one.name: one.direction for one in self.sweep.objectives}.get(name)
        if direction is None and name in declaration.metric_table:
            better = declaration.metric_table[name].better
            direction = "maximize" if better == "higher" else "minimize"
        return name, -1.0 if direction == "maximize" else 1.0

    def _scores(self, trials: Sequence[Trial]) -> pd.DataFrame:
        """Return validation scores of the trials; the test split stays closed in a search."""
        if not trials:
            return pd.DataFrame(columns=["trial_id", "metric", "value"])
        unique = list({trial.id: trial for trial in trials}.values())
        table = trial_table(unique, self.store, frozenset())
        return score_trials(
            self.sweep.study,
            table,
            self.made_from,
            self.store,
            self.device,
            ("validation",),
            compute=self.compute,
        )

    def _result(self, trials: Sequence[Trial], scores: pd.DataFrame) -> Result:
        names = [objective.name for objective in self.sweep.objectives]
        measured = scores[scores["split"] == "validation"] if len(scores) else scores
        replicates = []
        records = [self.store.record(trial.id) for trial in trials]
        for trial, record in zip(trials, records, strict=True):
            by_metric = measured[measured["trial_id"] == trial.id].set_index("metric")["value"]
            values = {name: float(by_metric[name]) for name in names if name in by_metric.index}
            complete = not lost(record.status) and all(
                math.isfinite(values.get(name, math.nan)) for name in names
            )
            replicates.append(
                {
                    "seed": trial.seed,
                    "trial_id": trial.id,
                    "state": "complete" if complete else _state(record),
                    "epochs": record.epochs,
                    "seconds": record.seconds,
                    **(values if complete else {}),
                }
            )
        for state in ("failed", "diverged"):
            if any(row["state"] == state for row in replicates):
                notes = [o.outcome for o in records if o.status == state]
                note = notes[0] if state == "failed" else ""
                return Result(state, note=note, replicates=tuple(replicates))
        return Result("complete", self._means(replicates), tuple(replicates))


def _pruned(trials: Sequence[Trial], rung: int) -> Result:
    """Return the result of a configuration that was stopped at a rung."""
    replicates = [
        {"seed": trial.seed, "trial_id": trial.id, "state": "pruned", "epochs": rung}
        for trial in trials
    ]
    return Result("pruned", replicates=tuple(replicates))


def _state(record: TrialRecord) -> str:
    return "failed" if record.status == "failed" else "diverged"


def _reached(history: dict[str, list[float | None]], name: str, rung: int, sign: float) -> float:
    """Return an epoch score at a rung, or the last one before it, so that less is better.

    Infinite if there is none: of a program that wrote no history, say.
    """
    values = [value for value in history.get(name, ())[:rung] if value is not None]
    return sign * values[-1] if values else math.inf
